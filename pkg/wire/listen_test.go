package wire

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListenAddress(t *testing.T) {
	for _, l := range []Listen{{Steal, 80}, {Mirror, 65535}} {
		got, err := ParseListen(l.String())
		require.NoError(t, err)
		assert.Equal(t, l, got)
	}
	for _, s := range []string{"", "steal", "steal 0", "steal 65536", "steal 80 ", "Steal 80", "copy 80", "80"} {
		_, err := ParseListen(s)
		assert.Error(t, err, "ParseListen(%q)", s)
	}
}

func TestAcceptedAddress(t *testing.T) {
	a := Accepted{7, netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("10.0.0.9:80")}
	assert.Equal(t, "7 [fd00::1]:40000 10.0.0.9:80", a.String())
	got, err := ParseAccepted(a.String())
	require.NoError(t, err)
	assert.Equal(t, a, got)
	for _, s := range []string{"", "7 a b", "x 1.2.3.4:5 1.2.3.4:5", "7 1.2.3.4:5", "7 1.2.3.4:5 1.2.3.4", "7 1.2.3.4:5 1.2.3.4:5 6"} {
		_, err := ParseAccepted(s)
		assert.Error(t, err, "ParseAccepted(%q)", s)
	}
}

func TestSettingsComeBack(t *testing.T) {
	s := Settings{
		Who: "alice@laptop", Fallback: true, ResetExisting: true, Forwarded: true,
		Filter: &Filter{All: []Filter{
			{Header: &HeaderFilter{"x-user", "^alice$"}},
			{Not: &Filter{Any: []Filter{{Path: "^/health"}, {Method: "HEAD"}, {HeaderLine: "^a: b"}}}},
		}},
	}
	line := s.Append(nil)
	assert.Equal(t, `{"who":"alice@laptop","filter":{"all":[{"header":{"name":"x-user","value":"^alice$"}},`+
		`{"not":{"any":[{"path":"^/health"},{"method":"HEAD"},{"headerLine":"^a: b"}]}}]},`+
		`"fallback":true,"resetExisting":true,"forwarded":true}`+"\n", string(line))
	got, err := ParseSettings(line)
	require.NoError(t, err)
	assert.Equal(t, s, got)
}

// Nothing is captured because settings were misread.
func TestSettingsAreReadStrictly(t *testing.T) {
	for name, line := range map[string]string{
		"no object":         ``,
		"unknown key":       `{"filters":{"path":"x"}}`,
		"unknown condition": `{"filter":{"paths":"x"}}`,
		"no condition":      `{"filter":{}}`,
		"two conditions":    `{"filter":{"path":"x","method":"GET"}}`,
		"empty list":        `{"filter":{"all":[]}}`,
		"empty inside":      `{"filter":{"not":{"any":[{"path":"x"},{}]}}}`,
		"no field name":     `{"filter":{"header":{"value":"x"}}}`,
		"two objects":       `{"who":"x"}{"who":"y"}`,
	} {
		_, err := ParseSettings([]byte(line))
		assert.Error(t, err, name)
	}
}

func TestNoteComesBack(t *testing.T) {
	n := Note{Warning: "nothing listens", Connections: 1, Requests: 2, Lost: 3, Dropped: 4}
	got, err := ParseNote(n.Append(nil))
	require.NoError(t, err)
	assert.Equal(t, n, got)
	got, err = ParseNote([]byte(`{"later":true}`))
	require.NoError(t, err)
	assert.Zero(t, got)
	_, err = ParseNote([]byte("x"))
	assert.Error(t, err)
}
