package wire

import (
	"encoding/binary"
	"fmt"
)

// GoAway tells the peer that no stream above Last will be taken; with a Code
// other than Canceled the session is over (SPEC.md 6).
type GoAway struct {
	Last uint32 // highest stream of the peer's that was taken
	Code Code
	Text string // for people; at most MaxText bytes
}

func (f GoAway) String() string {
	return fmt.Sprintf("GOAWAY last=%d %v %q", f.Last, f.Code, f.Text)
}

// Append implements Frame.
func (f GoAway) Append(b []byte) []byte {
	text := cut(f.Text, MaxText)
	b = Header{Type: TypeGoAway, Length: 6 + len(text)}.Append(b)
	b = binary.BigEndian.AppendUint32(b, f.Last)
	b = binary.BigEndian.AppendUint16(b, uint16(f.Code))
	return append(b, text...)
}

// ParseGoAway parses the payload p of a GOAWAY with header h.
func ParseGoAway(h Header, p []byte) (GoAway, error) {
	text, err := parseText(h, p[6:])
	return GoAway{
		Last: binary.BigEndian.Uint32(p),
		Code: Code(binary.BigEndian.Uint16(p[4:])),
		Text: text,
	}, err
}
