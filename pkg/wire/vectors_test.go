package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vector is one entry of testdata/vectors.txt, which describes its format.
type vector struct {
	name string
	raw  []byte
	text string // what String says
}

// value is a Frame or a Hello.
type value interface {
	Append(b []byte) []byte
	String() string
}

func parseFrame(b []byte) (value, int, error) { return Parse(b) }
func parseHello(b []byte) (value, int, error) { return ParseHello(b) }

func (v vector) isHello() bool { return strings.HasPrefix(v.name, "hello") }

func (v vector) parse(b []byte) (value, int, error) {
	if v.isHello() {
		return parseHello(b)
	}
	return parseFrame(b)
}

var repeat = regexp.MustCompile(`\{(.)\*(\d+)\}`)

func vectors(t testing.TB) []vector {
	t.Helper()
	file, err := os.ReadFile("testdata/vectors.txt")
	require.NoError(t, err)
	var all []vector
	var v vector
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			v = vector{name: strings.Trim(line, "[]")}
		case strings.HasPrefix(line, "= "):
			v.text = repeat.ReplaceAllStringFunc(line[2:], func(s string) string {
				m := repeat.FindStringSubmatch(s)
				n, _ := strconv.Atoi(m[2])
				return strings.Repeat(m[1], n)
			})
			all = append(all, v)
		default:
			code, _, _ := strings.Cut(line, "#")
			for _, word := range strings.Fields(code) {
				digits, times, found := strings.Cut(word, "*")
				n := 1
				if found {
					n, err = strconv.Atoi(times)
					require.NoError(t, err, "vector %q", v.name)
				}
				b, err := hex.DecodeString(digits)
				require.NoError(t, err, "vector %q", v.name)
				v.raw = append(v.raw, bytes.Repeat(b, n)...)
			}
		}
	}
	require.NotEmpty(t, all)
	return all
}

// vectorNamed is a fresh copy of one vector's bytes.
func vectorNamed(t testing.TB, name string) []byte {
	t.Helper()
	for _, v := range vectors(t) {
		if v.name == name {
			return v.raw
		}
	}
	require.Fail(t, "no such vector", name)
	return nil
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			got, n, err := v.parse(append(bytes.Clone(v.raw), "next"...))
			require.NoError(t, err)
			assert.Equal(t, len(v.raw), n, "length")
			assert.Equal(t, v.text, got.String())
			assert.Equal(t, hex.EncodeToString(v.raw), hex.EncodeToString(got.Append(nil)), "Append")
		})
	}
}

func TestEveryPrefixOfAVectorIsShort(t *testing.T) {
	for _, v := range vectors(t) {
		for n := range v.raw {
			got, used, err := v.parse(v.raw[:n])
			if !errors.Is(err, ErrShort) || used != 0 {
				t.Errorf("parse(first %d bytes of %q) = %v, %d, %v, want ErrShort", n, v.name, got, used, err)
				break
			}
		}
	}
}

// TestVectorsAreComplete keeps a new type or flag from coming without a vector.
func TestVectorsAreComplete(t *testing.T) {
	seen := map[Header]bool{} // of all frames, less their streams
	roles := map[Role]bool{}
	for _, v := range vectors(t) {
		if v.isHello() {
			h, _, err := ParseHello(v.raw)
			require.NoError(t, err)
			roles[h.Role] = true
			continue
		}
		h, err := ParseHeader(v.raw)
		require.NoError(t, err)
		seen[Header{Type: h.Type, Flags: h.Flags, Length: h.Length}] = true
		seen[Header{Type: h.Type, Flags: h.Flags, Length: -1}] = true
	}
	assert.True(t, roles[RoleAgent] && roles[RoleClient], "both greetings")
	for i, d := range types[1:] {
		typ, shortest := Type(i+1), Flags(0)
		if typ == TypeData {
			shortest = FlagFIN
		}
		for _, h := range []Header{
			{Type: typ, Length: -1},
			{Type: typ, Flags: d.flags, Length: -1},
			{Type: typ, Flags: shortest, Length: d.min},
			{Type: typ, Length: d.max},
		} {
			assert.True(t, seen[h], "no vector for %v (length -1: any)", h)
		}
	}
}
