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
	j := &joint{}
	j.wg.Add(2)
	aFeeds, bFeeds := j.feed(b, a), j.feed(a, b)
	switch { // this goroutine is one of those that are needed
	case !aFeeds && !bFeeds:
		go j.pump(b, a)
		j.pump(a, b)
	case !aFeeds:
		j.pump(b, a)
	case !bFeeds:
		j.pump(a, b)
	}
	j.wg.Wait()
	a.Close()
	b.Close()
	if j.first == nil {
		return nil
	}
	return j.first
}

// joint is one Join.
type joint struct {
	wg    sync.WaitGroup // the two directions
	once  sync.Once
	first *Error
}

// feeder is a connection that writes what it receives to w until the end of
// data, in a goroutine only while there is something to write, and then calls
// done once with the error of w or its own. If w is eager it may need none.
type feeder interface {
	Feed(w io.Writer, done func(n int64, err error))
}

// feed begins one direction, if src can do it by itself.
func (j *joint) feed(dst, src Conn) bool {
	f, ok := src.(feeder)
	if ok {
		w := &watched{w: dst}
		var out io.Writer = w
		if now, ok := dst.(eager); ok {
			out = watchedNow{w, now}
		}
		f.Feed(out, func(_ int64, err error) { j.end(w, dst, src, err) })
	}
	return ok
}

// pump is one direction.
func (j *joint) pump(dst, src Conn) {
	w := &watched{w: dst}
	j.end(w, dst, src, copyTo(w, src))
}

// end half-closes dst after an end of data, and aborts both after an error.
func (j *joint) end(w *watched, dst, src Conn, err error) {
	defer j.wg.Done()
	var failed *Error
	switch {
	case err != nil && w.err != nil:
		failed = &Error{Conn: dst, Op: "write", Err: w.err}
	case err != nil:
		failed = &Error{Conn: src, Op: "read", Err: err}
	default:
		err = dst.CloseWrite()
		if err == nil || errors.Is(err, net.ErrClosed) || notConnected(err) {
			return
		}
		failed = &Error{Conn: dst, Op: "write", Err: err}
	}
	j.once.Do(func() {
		j.first = failed
		dst.Abort(failed.Err)
		src.Abort(failed.Err)
	})
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

// eager is a connection that writes what it has room for, without waiting.
type eager interface {
	WriteNow(bufs [][]byte) (n int64, err error)
}

// watchedNow is watched, of an eager writer.
type watchedNow struct {
	*watched
	now eager
}

func (w watchedNow) WriteNow(bufs [][]byte) (int64, error) {
	n, err := w.now.WriteNow(bufs)
	if err != nil {
		w.err = err
	}
	return n, err
}

// bufferSize is 64 KiB less what becomes of so much on the wire: two frames'
// headers and four TLS records'. API servers and runtimes copy by 32 KiB, and
// would else pass on each buffer's last few bytes by themselves.
const bufferSize = 64<<10 - 128

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// copyTo is io.Copy that keeps no buffer while there is nothing to copy, where
// the source can tell.
func copyTo(w *watched, src Conn) error {
	switch src := src.(type) {
	case waiter:
		d, ok := w.w.(drawer)
		if !ok {
			d = plain{w}
		}
		return drawReady(w, d, src)
	case io.WriterTo:
		_, err := src.WriteTo(w)
		return err
	}
	return copyBuffer(w, src)
}

// copyBuffer is io.Copy that holds one of buffers all the time.
func copyBuffer(w *watched, src io.Reader) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	// Only the one method: io.CopyBuffer must not find others.
	_, err := io.CopyBuffer(w, struct{ io.Reader }{src}, buf[:])
	return err
}
