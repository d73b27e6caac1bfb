package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// patience is how long a write may still take when everything else has ended.
const patience = time.Second

// output is standard output, written by a goroutine of its own: a reader that
// has stopped reading must not keep the command from undoing what it did. It
// ends with the first error, and everything with it.
type output struct {
	f     *os.File
	end   context.CancelCauseFunc
	quitc chan struct{} // closed when nobody waits for a write any more
	work  chan []byte
	donec chan error // holds one, so that the writer need not wait

	mu  sync.Mutex // held by a Write
	buf []byte     // guarded by mu, or the writer's while it writes
}

// outputError is standard output that takes no more.
type outputError struct{ err error }

func (e *outputError) Error() string { return fmt.Sprintf("write standard output: %v", e.err) }

func (e *outputError) Unwrap() error { return e.err }

// newOutput writes to f until ctx has ended, and calls end if f fails.
func newOutput(ctx context.Context, f *os.File, end context.CancelCauseFunc) *output {
	o := &output{f: f, end: end, quitc: make(chan struct{}), work: make(chan []byte), donec: make(chan error, 1)}
	context.AfterFunc(ctx, func() {
		time.AfterFunc(patience, func() { close(o.quitc) })
	})
	go o.write()
	return o
}

func (o *output) write() {
	for {
		select {
		case b := <-o.work:
			_, err := o.f.Write(b)
			o.donec <- err
		case <-o.quitc:
			return
		}
	}
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case <-o.quitc: // buf may still be the writer's
		return 0, &outputError{os.ErrClosed}
	default:
	}
	o.buf = append(o.buf[:0], b...)
	var err error
	select {
	case o.work <- o.buf:
		select {
		case err = <-o.donec:
		case <-o.quitc:
			return 0, &outputError{os.ErrClosed}
		}
	case <-o.quitc:
		return 0, &outputError{os.ErrClosed}
	}
	if err != nil {
		err = &outputError{err}
		o.end(err)
		return 0, err
	}
	return len(b), nil
}

// watch ends everything when whoever reads standard output goes away, where the
// system can tell before there is something to write.
func (o *output) watch() {
	go func() {
		if awaitClosed(o.f) {
			o.end(&outputError{syscall.EPIPE})
		}
	}()
}
