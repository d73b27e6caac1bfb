// Package relay is the byte pump: it joins two connections so that each end
// sees what it would see if the other were at the end of one cable: bytes,
// half-close and reset.
//
// It neither dials nor accepts, and it looks at no byte.
package relay

import (
	"errors"
	"io"
	"net"
	"sync"
)

// Conn is a connection whose directions end separately.
type Conn interface {
	io.ReadWriteCloser
	// CloseWrite ends the direction that Write writes.
	CloseWrite() error
	// Abort ends both directions so that the far end sees err rather than an
	// end of data.
	Abort(err error)
}

// Join copies in both directions until both have ended, and closes a and b. An
// end of data on one side half-closes the other, an error aborts both. The
// error is the first that was met, an *Error that names the side, or nil if both
// directions came to their end.
func Join(a, b Conn) error {
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first *Error
	)
	run := func(dst, src Conn) {
		err := pump(dst, src)
		if err == nil {
			return
		}
		once.Do(func() {
			first = err
			dst.Abort(err.Err)
			src.Abort(err.Err)
		})
	}
	wg.Go(func() { run(b, a) })
	wg.Go(func() { run(a, b) })
	wg.Wait()
	a.Close()
	b.Close()
	if first == nil {
		return nil
	}
	return first
}

// Error is what ended a Join before its time.
type Error struct {
	Conn Conn   // the side that failed
	Op   string // "read" or "write"
	Err  error
}

// Error is the reason alone: Op and the addresses of a net.OpError are for the
// caller to say, who knows what people call them.
func (e *Error) Error() string {
	var op *net.OpError
	if errors.As(e.Err, &op) {
		return op.Err.Error()
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// pump copies src to dst and half-closes dst at the end.
func pump(dst, src Conn) *Error {
	w := &watched{w: dst}
	if err := copyTo(w, src); err != nil {
		if w.err != nil {
			return &Error{Conn: dst, Op: "write", Err: w.err}
		}
		return &Error{Conn: src, Op: "read", Err: err}
	}
	if err := dst.CloseWrite(); err != nil && !errors.Is(err, net.ErrClosed) && !notConnected(err) {
		return &Error{Conn: dst, Op: "write", Err: err}
	}
	return nil
}

// watched keeps the error of a writer apart from that of a reader.
type watched struct {
	w   io.Writer
	err error
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}

var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// copyTo is io.Copy that keeps no buffer while there is nothing to copy, where
// the source can tell.
func copyTo(w io.Writer, src Conn) error {
	switch src := src.(type) {
	case waiter:
		return copyReady(w, src)
	case io.WriterTo:
		_, err := src.WriteTo(w)
		return err
	}
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	// Only the two methods: io.CopyBuffer must not find others.
	_, err := io.CopyBuffer(w, struct{ io.Reader }{src}, buf[:])
	return err
}
