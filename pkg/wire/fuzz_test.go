package wire

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzParse(f *testing.F)      { fuzz(f, parseFrame) }
func FuzzParseHello(f *testing.F) { fuzz(f, parseHello) }

// fuzz checks that parse returns only documented errors and that what it takes
// has one form on the wire: appended again it gives the bytes it came from.
func fuzz(f *testing.F, parse func([]byte) (value, int, error)) {
	for _, v := range vectors(f) {
		f.Add(v.raw)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, n, err := parse(in)
		if err != nil {
			var breach *Error
			var version *VersionError
			if !errors.Is(err, ErrShort) && !errors.As(err, &breach) && !errors.As(err, &version) {
				t.Errorf("parse(%x) = %v, want a documented error", in, err)
			}
			return
		}
		out := v.Append(nil)
		if !bytes.Equal(out, in[:n]) {
			t.Errorf("parse(%x).Append() = %x", in[:n], out)
		}
		again, m, err := parse(out)
		if err != nil || m != n || again.String() != v.String() {
			t.Errorf("parse(%x) = %v, %d, %v, want %v, %d again", out, again, m, err, v, n)
		}
	})
}
