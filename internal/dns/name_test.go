package dns

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	longest := strings.Join([]string{label63, label63, label63, label63[:61]}, ".")
	for _, c := range []struct{ in, wire, text string }{
		{".", "\x00", "."},
		{"db", "\x02db\x00", "db."},
		{"db.", "\x02db\x00", "db."},
		{"DB.Prod.svc", "\x02DB\x04Prod\x03svc\x00", "DB.Prod.svc."},
		{`john\.doe.x`, "\x08john.doe\x01x\x00", `john\.doe.x.`},
		{`a\\b.x`, "\x03a\\b\x01x\x00", `a\\b.x.`},
		{`a\032b`, "\x03a b\x00", `a\032b.`},
		{"ü", "\x02ü\x00", `\195\188.`},
		{longest, "", longest + "."},
	} {
		n, err := newName(c.in)
		require.NoError(t, err, c.in)
		if c.wire != "" {
			assert.Equal(t, wireName(c.wire), n, c.in)
		}
		assert.Equal(t, c.text, n.String(), c.in)
		again, err := newName(n.String())
		require.NoError(t, err)
		assert.Equal(t, n, again)
	}
	for _, bad := range []string{"", "..", ".a", "a..b", label63 + "a", longest + "a", `a\`, `a\2`, `a\256`, `a\2x3`} {
		_, err := newName(bad)
		assert.ErrorIs(t, err, ErrBadName, "newName(%q)", bad)
	}
}

func TestParseName(t *testing.T) {
	msg := "............" + // a header
		"\x03www\x02db\x00" + // at 12
		"\x01x\xc0\x10" + // at 20, x.db
		"\xc0\x14" + // at 24, x.db by two pointers
		"\xc0\x1a" + // at 26, itself
		"\xc0\x20" + // at 28, forward
		"\x40a" // at 30, reserved
	for _, c := range []struct {
		off  int
		text string
		next int
	}{{12, "www.db.", 20}, {20, "x.db.", 24}, {24, "x.db.", 26}} {
		n, next, err := parseName([]byte(msg), c.off)
		require.NoError(t, err)
		assert.Equal(t, c.text, n.String())
		assert.Equal(t, c.next, next)
	}
	for _, off := range []int{26, 28, 30, 31, len(msg)} {
		_, _, err := parseName([]byte(msg), off)
		assert.ErrorIs(t, err, errMalformed, "at %d", off)
	}
	tooLong := strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00"
	_, _, err := parseName([]byte(tooLong), 0)
	assert.ErrorIs(t, err, errMalformed)
}

func TestNameEqualIgnoresASCIICaseOnly(t *testing.T) {
	name := func(s string) wireName {
		n, err := newName(s)
		require.NoError(t, err)
		return n
	}
	assert.True(t, name("Py-Serv.NS").equal(name("py-serv.ns")))
	assert.False(t, name("a.b").equal(name(`a\.b`)))
	assert.False(t, name("\u212A").equal(name("k")), "the Kelvin sign is not a k")
	assert.False(t, name("Ü").equal(name("ü")))
}
