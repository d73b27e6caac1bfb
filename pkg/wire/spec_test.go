package wire

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// specTable is the table of SPEC.md that begins with the row head, as cells.
func specTable(t *testing.T, head string) [][]string {
	t.Helper()
	spec, err := os.ReadFile("SPEC.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(spec), "\n"+head+"\n|---")
	require.True(t, found, "SPEC.md has no table %s", head)
	var rows [][]string
	for _, line := range strings.Split(after, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	require.NotEmpty(t, rows)
	return rows
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

var sizes = regexp.MustCompile(`^(\d+) bytes|\((≤ )?(\d+)`)

func TestTypesAreThoseOfTheSpec(t *testing.T) {
	rows := specTable(t, "| type | name | flags | payload | stream |")
	assert.Len(t, rows, len(types)-1)
	for _, row := range rows {
		typ, payload, want := number(t, row[0]), row[3], types[0]
		want.name = row[1]
		want.session = row[4] == "0"
		if flag, _, found := strings.Cut(row[2], " "); found {
			want.flags = Flags(number(t, flag))
		}
		for _, m := range sizes.FindAllStringSubmatch(payload, -1) {
			n := number(t, m[1]+m[3])
			want.max += n
			if m[2] == "" { // not "at most"
				want.min += n
			}
		}
		if strings.HasPrefix(payload, "bytes") {
			want.max = MaxPayload
		}
		assert.Equal(t, want, types[typ], "type %d", typ)
		assert.Equal(t, row[1], Type(typ).String())
	}
	assert.Equal(t, "type 0", Type(0).String())
	assert.Equal(t, "type 8", Type(8).String())
}

func TestFlagsAreThoseOfTheSpec(t *testing.T) {
	for _, row := range specTable(t, "| type | name | flags | payload | stream |") {
		switch row[1] {
		case "DATA":
			assert.Equal(t, strconv.Itoa(int(FlagFIN))+" FIN", row[2])
		case "PING":
			assert.Equal(t, strconv.Itoa(int(FlagACK))+" ACK", row[2])
		default:
			assert.Empty(t, row[2], row[1])
		}
	}
}

func TestGreetingIsThatOfTheSpec(t *testing.T) {
	rows := specTable(t, "| field | size | |")
	sum := func(rows [][]string) (n int) {
		for _, row := range rows {
			n += number(t, row[1])
		}
		return n
	}
	assert.Equal(t, HelloPrefixLen, sum(rows[:3]))
	assert.Equal(t, helloFixedLen, sum(rows[3:8]))
	assert.Equal(t, strconv.Itoa(Version), rows[1][2])
	assert.Equal(t, fmt.Sprintf("agent: nonce (%d), key id (%d). client: signature (%d)",
		NonceLen, KeyIDLen, ed25519.SignatureSize), rows[8][2])
}

func TestKindsAreThoseOfTheSpec(t *testing.T) {
	rows := specTable(t, "| kind | name | address | bytes of the stream |")
	for _, row := range rows {
		assert.Equal(t, row[1], Kind(number(t, row[0])).String())
	}
	assert.Equal(t, "kind 0", Kind(0).String())
	assert.Equal(t, "kind 6", Kind(len(rows)+1).String())
}

func TestLimitsAreThoseOfTheSpec(t *testing.T) {
	want := map[string][]int{
		"payload of a frame":                               {MaxPayload},
		"greeting after its length":                        {MaxHello},
		"address, text":                                    {MaxAddress},
		"window of a stream":                               {MinWindow, MaxWindow},
		"control frames waiting to be sent":                {MaxControl},
		"streams waiting for the application to take them": {MaxBacklog},
		"settings of a capture":                            {MaxSettings},
	}
	assert.Equal(t, MaxAddress, MaxText)
	for _, row := range specTable(t, "| what | |") {
		if row[0] == "time for the greeting" {
			continue // the session's
		}
		var got []int
		for _, m := range regexp.MustCompile(`(\d+)( [KM]iB)?`).FindAllStringSubmatch(row[1], -1) {
			n := number(t, m[1])
			switch m[2] {
			case " KiB":
				n <<= 10
			case " MiB":
				n <<= 20
			}
			got = append(got, n)
		}
		assert.Equal(t, want[row[0]], got, row[0])
	}
}

var errnoNames = map[string]syscall.Errno{
	"":              0,
	"EACCES":        syscall.EACCES,
	"EADDRINUSE":    syscall.EADDRINUSE,
	"EADDRNOTAVAIL": syscall.EADDRNOTAVAIL,
	"ECONNABORTED":  syscall.ECONNABORTED,
	"ECONNREFUSED":  syscall.ECONNREFUSED,
	"ECONNRESET":    syscall.ECONNRESET,
	"EHOSTUNREACH":  syscall.EHOSTUNREACH,
	"EINVAL":        syscall.EINVAL,
	"EMFILE":        syscall.EMFILE,
	"ENETDOWN":      syscall.ENETDOWN,
	"ENETUNREACH":   syscall.ENETUNREACH,
	"ENOBUFS":       syscall.ENOBUFS,
	"EOPNOTSUPP":    syscall.EOPNOTSUPP,
	"EPERM":         syscall.EPERM,
	"EPIPE":         syscall.EPIPE,
	"EPROTO":        syscall.EPROTO,
	"ESHUTDOWN":     syscall.ESHUTDOWN,
	"ETIMEDOUT":     syscall.ETIMEDOUT,
}

func TestCodesAreThoseOfTheSpec(t *testing.T) {
	rows := specTable(t, "| code | name | errno |")
	assert.Len(t, rows, len(codeNames))
	for _, row := range rows {
		c := Code(number(t, row[0]))
		errno, known := errnoNames[row[2]]
		require.True(t, known, "errno %s", row[2])
		assert.Equal(t, row[1], c.String(), "Code(%d).String()", c)
		assert.Equal(t, errno, c.Errno(), "Code(%d).Errno()", c)
		if errno == 0 {
			continue
		}
		assert.Equal(t, errno, CodeOf(errno).Errno(), "CodeOf(%s).Errno()", row[2])
		if c >= ConnReset && c < NoSuchHost { // the kernel's own words come back as they were
			assert.Equal(t, c, CodeOf(errno), "CodeOf(%s)", row[2])
		}
	}
}

func TestCodesOutsideTheSpec(t *testing.T) {
	assert.Equal(t, "code 31", Code(31).String())
	assert.Zero(t, Code(31).Errno())
	assert.Equal(t, InternalError, CodeOf(0))
	assert.Equal(t, InternalError, CodeOf(syscall.ENOEXEC))
	assert.Equal(t, TooManyFiles, CodeOf(syscall.ENFILE))
	assert.Equal(t, NoMemory, CodeOf(syscall.ENOMEM))
	assert.Equal(t, HostUnreachable, CodeOf(syscall.EHOSTDOWN))
}
