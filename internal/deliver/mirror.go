package deliver

import (
	"io"
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// answerTime is how long the local side of a mirrored connection may go on with
// its answer, which nobody gets, after the caller has ended.
const answerTime = 30 * time.Second

// partingTime is how long the local side may take for what is left of a copy
// that has broken off.
const partingTime = 2 * time.Second

// mirror gives conn what the caller sends, and drops what it answers. The error
// is an *relay.Error, as of relay.Join.
func mirror(in *fwd.Conn, conn relay.Conn) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer in.Close()
	wg.Go(func() { io.Copy(io.Discard, conn) })
	w := &writer{w: conn}
	stop := afterDone(in.Done(), partingTime, func() { conn.Abort(nil) })
	_, err := in.WriteTo(w)
	if stop() && w.err != nil { // the copy was over before the local side was
		_, err = io.Copy(io.Discard, in)
		w.err = nil
	}
	switch {
	case w.err != nil: // the local side wants no more, and the caller is not to notice
		in.Reset(wire.Canceled, "")
		conn.Abort(nil)
		return &relay.Error{Conn: conn, Op: "write", Err: w.err}
	case err != nil:
		conn.Abort(err)
		return &relay.Error{Conn: in, Op: "read", Err: err}
	}
	if err := conn.CloseWrite(); err != nil {
		conn.Abort(nil)
	}
	defer time.AfterFunc(answerTime, func() { conn.Abort(nil) }).Stop()
	wg.Wait()
	conn.Close()
	return exit(conn)
}

// afterDone calls f some time after donec was closed, unless it is stopped before.
// stop returns when f is not going to be called any more, and tells whether it
// was.
func afterDone(donec <-chan struct{}, d time.Duration, f func()) (stop func() bool) {
	stopc, called := make(chan struct{}), make(chan bool, 1)
	go func() {
		select {
		case <-donec:
		case <-stopc:
			called <- false
			return
		}
		select {
		case <-time.After(d):
			f()
			called <- true
		case <-stopc:
			called <- false
		}
	}()
	return func() bool {
		close(stopc)
		return <-called
	}
}

// writer keeps the error of a writer apart from that of a reader.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if err != nil {
		w.err = err
	}
	return n, err
}
