package wire

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// Lengths of a greeting's parts (SPEC.md 1).
const (
	HelloPrefixLen = 8 // magic, version, length
	NonceLen       = 32
	KeyIDLen       = 8
	helloFixedLen  = 1 + 4 + 4 + 4 + 1
)

const magic = "fwd\x00"

// Role says which end a greeting comes from.
type Role uint8

// The two ends of a session.
const (
	RoleAgent  Role = 1
	RoleClient Role = 2
)

// Hello is the greeting that begins each direction of a session.
type Hello struct {
	Role    Role
	Streams uint32 // open at once by the peer
	Window  uint32 // bytes, first window of every stream
	Memory  uint32 // bytes held for all streams together
	Auth    []byte // agent: nonce and key id; client: signature
	Build   string // version of the program
}

func (h Hello) String() string {
	return fmt.Sprintf("HELLO role=%d streams=%d window=%d memory=%d build=%q", h.Role, h.Streams, h.Window, h.Memory, h.Build)
}

// Append appends the greeting's bytes to b. It panics if Auth is over 255
// bytes; a longer Build than fits is cut.
func (h Hello) Append(b []byte) []byte {
	if len(h.Auth) > 255 {
		panic("wire: HELLO auth over 255 bytes")
	}
	build := cut(h.Build, MaxHello-helloFixedLen-len(h.Auth))
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, Version)
	b = binary.BigEndian.AppendUint16(b, uint16(helloFixedLen+len(h.Auth)+len(build)))
	b = append(b, byte(h.Role))
	b = binary.BigEndian.AppendUint32(b, h.Streams)
	b = binary.BigEndian.AppendUint32(b, h.Window)
	b = binary.BigEndian.AppendUint32(b, h.Memory)
	b = append(b, byte(len(h.Auth)))
	b = append(b, h.Auth...)
	return append(b, build...)
}

// ParseHelloPrefix parses the part of a greeting that is the same in every
// version and returns how many bytes follow it. A peer that is not ours gives
// an *Error, one of another version a *VersionError.
func ParseHelloPrefix(b []byte) (length int, err error) {
	if len(b) < HelloPrefixLen {
		return 0, ErrShort
	}
	if string(b[:4]) != magic {
		return 0, protocolError(fmt.Sprintf("greeting begins with %q: not a fwd peer", b[:4]))
	}
	if v := binary.BigEndian.Uint16(b[4:]); v != Version {
		return 0, &VersionError{Peer: v}
	}
	length = int(binary.BigEndian.Uint16(b[6:]))
	if length < helloFixedLen || length > MaxHello {
		return 0, protocolError(fmt.Sprintf("greeting of %d bytes", length))
	}
	return length, nil
}

// ParseHello parses the greeting at the start of b and returns it with its
// length. Auth aliases b. The error is ErrShort, an *Error or a *VersionError.
func ParseHello(b []byte) (Hello, int, error) {
	length, err := ParseHelloPrefix(b)
	if err != nil {
		return Hello{}, 0, err
	}
	n := HelloPrefixLen + length
	if len(b) < n {
		return Hello{}, 0, ErrShort
	}
	p := b[HelloPrefixLen:n]
	h := Hello{
		Role:    Role(p[0]),
		Streams: binary.BigEndian.Uint32(p[1:]),
		Window:  binary.BigEndian.Uint32(p[5:]),
		Memory:  binary.BigEndian.Uint32(p[9:]),
	}
	authLen := int(p[13])
	if len(p) < helloFixedLen+authLen {
		return Hello{}, 0, protocolError("greeting ends within its auth")
	}
	h.Auth = p[helloFixedLen : helloFixedLen+authLen]
	build := p[helloFixedLen+authLen:]
	switch {
	case h.Role != RoleAgent && h.Role != RoleClient:
		return Hello{}, 0, protocolError(fmt.Sprintf("%v: unknown role", h))
	case h.Window < MinWindow || h.Window > MaxWindow || h.Memory < h.Window:
		return Hello{}, 0, protocolError(fmt.Sprintf("%v: window or memory out of range", h))
	case h.Role == RoleAgent && authLen != NonceLen+KeyIDLen, h.Role == RoleClient && authLen != ed25519.SignatureSize:
		return Hello{}, 0, protocolError(fmt.Sprintf("%v: auth of %d bytes", h, authLen))
	case !utf8.Valid(build):
		return Hello{}, 0, protocolError("greeting: build is not UTF-8")
	}
	h.Build = string(build)
	return h, n, nil
}

// VersionError is a peer that speaks another version.
type VersionError struct{ Peer uint16 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("wire: peer speaks version %d, this program speaks version %d", e.Peer, Version)
}

// KeyID is the name that an agent's greeting gives to the key it obeys.
func KeyID(pub ed25519.PublicKey) [KeyIDLen]byte {
	sum := sha256.Sum256(pub)
	return [KeyIDLen]byte(sum[:])
}

// SignedBytes is what the client signs: agentHello is the agent's whole
// greeting as it was on the wire.
func SignedBytes(agentHello []byte) []byte {
	return append([]byte("fwd session 1\x00"), agentHello...)
}
