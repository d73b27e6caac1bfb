package fwd

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// quietTime is how long a pod that was not told of the end of what it reads may
// be silent.
const quietTime = 10 * time.Second

// DirectConn is a port-forward's data stream.
//
// Container runtimes end a port-forward a second after either direction of it
// has ended, so there is no half-close. The end of what is written is therefore
// kept back until the pod has ended the connection, or has been silent for ten
// seconds: only then it is told, and reading ends with an error, because what
// more it might have said is not heard. It matches net.ErrClosed. After the
// pod's own end, writing fails.
type DirectConn struct {
	forward
	quiet   time.Duration // before the pod is told of the end
	podDone atomic.Bool   // the pod's end was read

	mu    sync.Mutex  // guards all below
	timer *time.Timer // tells the pod; while a Read waits after CloseWrite
	waits bool        // a Read does
	ended bool        // CloseWrite was called
	told  bool        // and the pod knows
}

// forward is internal/link's connection.
type forward interface {
	net.Conn
	CloseWrite() error
}

// Read reads from the pod. One goroutine at a time may call it.
func (c *DirectConn) Read(b []byte) (int, error) {
	c.await(true)
	n, err := c.forward.Read(b)
	told := c.await(false)
	switch {
	case err == io.EOF && told:
		err = cutError{c.quiet}
	case err == io.EOF:
		c.podDone.Store(true)
	}
	return n, err
}

// Write writes to the pod.
func (c *DirectConn) Write(b []byte) (int, error) {
	if c.podDone.Load() {
		return 0, &net.OpError{Op: "write", Net: c.RemoteAddr().Network(), Addr: c.RemoteAddr(), Err: syscall.EPIPE}
	}
	return c.forward.Write(b)
}

// CloseWrite says that no more will be written.
func (c *DirectConn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended = true
		c.setTimer()
	}
	return nil
}

// await begins or ends the time that a Read waits, and reports whether the pod
// has been told of the end.
func (c *DirectConn) await(reads bool) (told bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = reads
	c.setTimer()
	return c.told
}

// setTimer gives the pod its time while a Read waits. Called with mu held.
func (c *DirectConn) setTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if c.waits && c.ended && !c.told {
		c.timer = time.AfterFunc(c.quiet, c.tell)
	}
}

// tell tells the pod of the end. If it cannot be told, reading fails, too.
func (c *DirectConn) tell() {
	c.mu.Lock()
	c.told = true
	c.mu.Unlock()
	_ = c.forward.CloseWrite()
}

// Abort ends the connection; the pod's side sees an end of data.
func (c *DirectConn) Abort(error) { c.Close() }

// cutError is an end that the pod was made to come to.
type cutError struct{ quiet time.Duration }

func (e cutError) Error() string {
	return fmt.Sprintf("cut off: nothing came for %v after the end of input, "+
		"and without an agent the pod cannot be told of that end alone", e.quiet)
}

// Is says that the end was ours.
func (e cutError) Is(target error) bool { return target == net.ErrClosed }
