package wire

import "fmt"

// Ping asks the peer for an answer, or is the answer (SPEC.md 5).
type Ping struct {
	ACK  bool
	Data [8]byte // the asker's; the answer repeats it
}

func (f Ping) String() string {
	ack := ""
	if f.ACK {
		ack = " ACK"
	}
	return fmt.Sprintf("PING%s %x", ack, f.Data)
}

// Append implements Frame.
func (f Ping) Append(b []byte) []byte {
	h := Header{Type: TypePing, Length: 8}
	if f.ACK {
		h.Flags = FlagACK
	}
	return append(h.Append(b), f.Data[:]...)
}

// ParsePing parses the payload p of a PING with header h.
func ParsePing(h Header, p []byte) (Ping, error) {
	return Ping{ACK: h.Flags&FlagACK != 0, Data: [8]byte(p)}, nil
}
