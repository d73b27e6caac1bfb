package wire

import "fmt"

// Kind is what a stream is for (SPEC.md 3).
type Kind uint8

// The kinds of SPEC.md 3.
const (
	KindTCP      Kind = 1 // the bytes of a TCP connection that the agent dials
	KindResolve  Kind = 2 // DNS messages
	KindControl  Kind = 3 // a word to the agent itself
	KindListen   Kind = 4 // settings and notes of a capture, see listen.go
	KindAccepted Kind = 5 // the bytes of a captured connection; opened by the agent
)

func (k Kind) String() string {
	switch k {
	case KindTCP:
		return "tcp"
	case KindResolve:
		return "resolve"
	case KindControl:
		return "control"
	case KindListen:
		return "listen"
	case KindAccepted:
		return "accepted"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Open opens a stream.
type Open struct {
	Stream  uint32
	Kind    Kind
	Address string // what it means depends on Kind; at most MaxAddress bytes
}

func (f Open) String() string {
	return fmt.Sprintf("OPEN stream=%d %v %q", f.Stream, f.Kind, f.Address)
}

// Append implements Frame.
func (f Open) Append(b []byte) []byte {
	addr := cut(f.Address, MaxAddress)
	b = Header{Type: TypeOpen, Length: 1 + len(addr), Stream: f.Stream}.Append(b)
	b = append(b, byte(f.Kind))
	return append(b, addr...)
}

// ParseOpen parses the payload p of an OPEN with header h.
func ParseOpen(h Header, p []byte) (Open, error) {
	addr, err := parseText(h, p[1:])
	return Open{Stream: h.Stream, Kind: Kind(p[0]), Address: addr}, err
}
