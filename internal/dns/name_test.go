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
	for _, c := range []struct{ in, name, text string }{
		{".", ".", "."},
		{"db", "db.", "db."},
		{"db.", "db.", "db."},
		{"DB.Prod.svc", "DB.Prod.svc.", "DB.Prod.svc."},
		{`a\\b.x`, `a\b.x.`, `a\\b.x.`},
		{`a\032b\c`, "a bc.", `a\032bc.`},
		{`\ü\200`, "ü\xc8.", `\195\188\200.`},
		{"ü", "ü.", `\195\188.`},
		{longest, longest + ".", longest + "."},
	} {
		n, err := newName(c.in)
		require.NoError(t, err, c.in)
		assert.Equal(t, c.name, n.String(), c.in)
		assert.Equal(t, c.text, nameString(n), c.in)
		again, err := newName(nameString(n))
		require.NoError(t, err)
		assert.Equal(t, n, again)
	}
	for _, bad := range []string{
		"", "..", ".a", "a..b", label63 + "a", longest + "a", `a\`, `a\2`, `a\256`, `a\2x3`,
		`john\.doe.x`, `john\046doe.x`, // dnsmessage has no form for these
	} {
		_, err := newName(bad)
		assert.ErrorIs(t, err, ErrBadName, "newName(%q)", bad)
	}
}

func TestNameEqualIgnoresASCIICaseOnly(t *testing.T) {
	folded := func(s string) string { return fold(name(t, s)) }
	assert.Equal(t, folded("Py-Serv.NS"), folded("py-serv.ns"))
	assert.NotEqual(t, folded("\u212A"), folded("k"), "the Kelvin sign is not a k")
	assert.NotEqual(t, folded("Ü"), folded("ü"))
}
