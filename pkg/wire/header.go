package wire

import (
	"encoding/binary"
	"fmt"
)

// HeaderLen is the length of a frame's header.
const HeaderLen = 8

// Type is the type of a frame.
type Type uint8

// The types of SPEC.md 2.
const (
	TypeOpen Type = 1 + iota
	TypeAccept
	TypeData
	TypeCredit
	TypeReset
	TypePing
	TypeGoAway
)

// Flags are a frame's flags; which bits mean what depends on the type.
type Flags uint8

// The flags of SPEC.md 2.
const (
	FlagFIN Flags = 1 // of DATA: the sender's direction ends here
	FlagACK Flags = 1 // of PING: an answer
)

// types holds what the header of each type may say.
var types = [...]struct {
	name     string
	flags    Flags // defined bits
	min, max int   // payload length
	session  bool  // belongs to stream 0
}{
	TypeOpen:   {"OPEN", 0, 1, 1 + MaxAddress, false},
	TypeAccept: {"ACCEPT", 0, 0, MaxAddress, false},
	TypeData:   {"DATA", FlagFIN, 0, MaxPayload, false},
	TypeCredit: {"CREDIT", 0, 8, 8, false},
	TypeReset:  {"RESET", 0, 2, 2 + MaxText, false},
	TypePing:   {"PING", FlagACK, 8, 8, true},
	TypeGoAway: {"GOAWAY", 0, 6, 6 + MaxText, true},
}

func (t Type) String() string {
	if t == 0 || int(t) >= len(types) {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return types[t].name
}

// Header begins every frame.
type Header struct {
	Type   Type
	Flags  Flags
	Length int // of the payload
	Stream uint32
}

func (h Header) String() string {
	return fmt.Sprintf("%v stream=%d flags=%#x length=%d", h.Type, h.Stream, uint8(h.Flags), h.Length)
}

// Append appends the header's bytes to b.
func (h Header) Append(b []byte) []byte {
	b = append(b, byte(h.Type), byte(h.Flags))
	b = binary.BigEndian.AppendUint16(b, uint16(h.Length))
	return binary.BigEndian.AppendUint32(b, h.Stream)
}

// ParseHeader parses the header at the start of b and checks everything that
// can be known before the payload has arrived: the type, its flags, the length
// and whether it belongs to a stream. The error is ErrShort or an *Error.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return Header{}, ErrShort
	}
	h := Header{
		Type:   Type(b[0]),
		Flags:  Flags(b[1]),
		Length: int(binary.BigEndian.Uint16(b[2:])),
		Stream: binary.BigEndian.Uint32(b[4:]),
	}
	if h.Type == 0 || int(h.Type) >= len(types) {
		return Header{}, protocolError(fmt.Sprintf("unknown frame type %d", uint8(h.Type)))
	}
	t := types[h.Type]
	switch {
	case h.Flags&^t.flags != 0:
		return Header{}, protocolError(fmt.Sprintf("%v: undefined flags", h))
	case h.Length < t.min || h.Length > t.max:
		return Header{}, protocolError(fmt.Sprintf("%v: payload not within %d to %d", h, t.min, t.max))
	case t.session != (h.Stream == 0):
		return Header{}, protocolError(fmt.Sprintf("%v: wrong stream", h))
	case h.Type == TypeData && h.Length == 0 && h.Flags&FlagFIN == 0:
		return Header{}, protocolError(fmt.Sprintf("%v: empty without FIN", h))
	}
	return h, nil
}
