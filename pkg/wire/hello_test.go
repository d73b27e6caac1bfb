package wire

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testHello(build string) Hello {
	return Hello{Role: RoleAgent, Streams: 7, Window: 2 << 20, Memory: 3 << 20,
		Auth: bytes.Repeat([]byte{9}, NonceLen+KeyIDLen), Build: build}
}

func TestHelloRoundTrip(t *testing.T) {
	want := testHello("fwd-agentd v1.2.3")
	b := append(want.Append([]byte("before")), "after"...)
	got, n, err := ParseHello(b[len("before"):])
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, len(b)-len("beforeafter"), n)
}

func TestHelloAuthOver255BytesPanics(t *testing.T) {
	assert.Panics(t, func() { Hello{Auth: make([]byte, 256)}.Append(nil) })
}

// TestHelloVectorsAuthenticate runs SPEC.md 1 over the vectors: the agent names
// the key, the client signs the agent's greeting with it.
func TestHelloVectorsAuthenticate(t *testing.T) {
	pub, err := hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	require.NoError(t, err)
	raw := vectorNamed(t, "hello of an agent")
	agent, _, err := ParseHello(raw)
	require.NoError(t, err)
	client, _, err := ParseHello(vectorNamed(t, "hello of a client"))
	require.NoError(t, err)

	id := KeyID(pub)
	assert.Equal(t, id[:], agent.Auth[NonceLen:], "key id")
	assert.True(t, ed25519.Verify(pub, SignedBytes(raw), client.Auth), "signature")
	raw[len(raw)-1]++
	assert.False(t, ed25519.Verify(pub, SignedBytes(raw), client.Auth), "signature over another greeting")
}

// Offsets of a greeting's fields.
const (
	atVersion = 4
	atLength  = 6
	atRole    = 8
	atWindow  = 13
	atMemory  = 17
	atAuthLen = 21
	atBuild   = 22 + NonceLen + KeyIDLen
)

func TestParseHelloRejects(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   int    // where the agent's vector is changed
		to   string // what is there instead
		why  string
	}{
		{"the magic is another protocol's", 0, "SSH-", `"SSH-": not a fwd peer`},
		{"the magic has another last byte", 3, "\x01", "not a fwd peer"},
		{"the length is below the fixed fields", atLength, "\x00\x0d", "greeting of 13 bytes"},
		{"the length is over the limit", atLength, "\x04\x01", "greeting of 1025 bytes"},
		{"the auth is longer than the greeting", atAuthLen, "\xff", "ends within its auth"},
		{"the auth is one byte longer than the greeting", atAuthLen, "\x3a", "ends within its auth"},
		{"the auth is no nonce and key id", atAuthLen, "\x27", "auth of 39 bytes"},
		{"the client's auth is no signature", atRole, "\x02", "auth of 40 bytes"},
		{"the role is 0", atRole, "\x00", "unknown role"},
		{"the role is 3", atRole, "\x03", "unknown role"},
		{"the window is below 512 KiB", atWindow, "\x00\x07\xff\xff", "out of range"},
		{"the window is over 16 MiB", atWindow, "\x01\x00\x00\x01", "out of range"},
		{"the memory is below the window", atMemory, "\x00\x0f\xff\xff", "out of range"},
		{"the build is not UTF-8", atBuild, "\xff", "not UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := vectorNamed(t, "hello of an agent")
			copy(b[tt.at:], tt.to)
			_, n, err := ParseHello(b)
			requireProtocolError(t, err, tt.why)
			assert.Zero(t, n)
			if tt.at < HelloPrefixLen { // no more than the prefix is needed
				_, err = ParseHelloPrefix(b[:HelloPrefixLen])
				requireProtocolError(t, err, tt.why)
			}
		})
	}
}

func TestParseHelloOfAnotherVersionNamesBoth(t *testing.T) {
	b := vectorNamed(t, "hello of an agent")
	copy(b[atVersion:], "\x00\x02\xff\xff") // its length is not ours to judge
	for _, in := range [][]byte{b, b[:HelloPrefixLen]} {
		_, _, err := ParseHello(in)
		var e *VersionError
		require.ErrorAs(t, err, &e)
		assert.EqualValues(t, 2, e.Peer)
		assert.EqualError(t, err, "wire: peer speaks version 2, this program speaks version 1")
	}
}
