package wire

import (
	"fmt"
	"unicode/utf8"
)

// Accept tells the opener that its stream is connected.
type Accept struct {
	Stream  uint32
	Address string // what was reached, for people; at most MaxAddress bytes
}

func (f Accept) String() string {
	return fmt.Sprintf("ACCEPT stream=%d %q", f.Stream, f.Address)
}

// Append implements Frame.
func (f Accept) Append(b []byte) []byte {
	addr := cut(f.Address, MaxAddress)
	b = Header{Type: TypeAccept, Length: len(addr), Stream: f.Stream}.Append(b)
	return append(b, addr...)
}

// ParseAccept parses the payload p of an ACCEPT with header h.
func ParseAccept(h Header, p []byte) (Accept, error) {
	addr, err := parseText(h, p)
	return Accept{Stream: h.Stream, Address: addr}, err
}

// parseText checks that p, of a frame with header h, is text.
func parseText(h Header, p []byte) (string, error) {
	if !utf8.Valid(p) {
		return "", protocolError(fmt.Sprintf("%v: text is not UTF-8", h))
	}
	return string(p), nil
}
