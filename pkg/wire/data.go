package wire

import "fmt"

// Data carries bytes of a stream, its end, or both.
type Data struct {
	Stream  uint32
	FIN     bool   // the sender's direction ends after Payload
	Payload []byte // at most MaxPayload bytes; none only with FIN
}

func (f Data) String() string {
	fin := ""
	if f.FIN {
		fin = " FIN"
	}
	return fmt.Sprintf("DATA stream=%d%s length=%d", f.Stream, fin, len(f.Payload))
}

// Append implements Frame. It panics if the payload is over MaxPayload: to cut
// it would lose bytes.
func (f Data) Append(b []byte) []byte {
	if len(f.Payload) > MaxPayload {
		panic("wire: DATA over MaxPayload")
	}
	h := Header{Type: TypeData, Length: len(f.Payload), Stream: f.Stream}
	if f.FIN {
		h.Flags = FlagFIN
	}
	return append(h.Append(b), f.Payload...)
}
