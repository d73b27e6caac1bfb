package wire

import (
	"encoding/binary"
	"fmt"
)

// Credit reports bytes of a stream as consumed and widens its window
// (SPEC.md 4).
type Credit struct {
	Stream   uint32
	Consumed uint32 // bytes taken by the application since the last report
	Grow     uint32 // bytes that the window is wider from now on
}

func (f Credit) String() string {
	return fmt.Sprintf("CREDIT stream=%d consumed=%d grow=%d", f.Stream, f.Consumed, f.Grow)
}

// Append implements Frame.
func (f Credit) Append(b []byte) []byte {
	b = Header{Type: TypeCredit, Length: 8, Stream: f.Stream}.Append(b)
	b = binary.BigEndian.AppendUint32(b, f.Consumed)
	return binary.BigEndian.AppendUint32(b, f.Grow)
}

// ParseCredit parses the payload p of a CREDIT with header h.
func ParseCredit(h Header, p []byte) (Credit, error) {
	f := Credit{
		Stream:   h.Stream,
		Consumed: binary.BigEndian.Uint32(p),
		Grow:     binary.BigEndian.Uint32(p[4:]),
	}
	if f.Consumed == 0 && f.Grow == 0 {
		return f, protocolError(fmt.Sprintf("%v: says nothing", f))
	}
	return f, nil
}
