package wire

import (
	"encoding/binary"
	"fmt"
)

// Reset ends both directions of a stream.
type Reset struct {
	Stream uint32
	Code   Code
	Text   string // for people; at most MaxText bytes
}

func (f Reset) String() string {
	return fmt.Sprintf("RESET stream=%d %v %q", f.Stream, f.Code, f.Text)
}

// Append implements Frame.
func (f Reset) Append(b []byte) []byte {
	text := cut(f.Text, MaxText)
	b = Header{Type: TypeReset, Length: 2 + len(text), Stream: f.Stream}.Append(b)
	b = binary.BigEndian.AppendUint16(b, uint16(f.Code))
	return append(b, text...)
}

// ParseReset parses the payload p of a RESET with header h.
func ParseReset(h Header, p []byte) (Reset, error) {
	text, err := parseText(h, p[2:])
	return Reset{Stream: h.Stream, Code: Code(binary.BigEndian.Uint16(p)), Text: text}, err
}
