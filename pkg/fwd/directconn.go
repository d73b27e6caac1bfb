package fwd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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
	ended   atomic.Bool   // CloseWrite was called
	told    atomic.Bool   // and the pod knows
	podDone atomic.Bool   // the pod's end was read
}

// forward is internal/link's connection.
type forward interface {
	net.Conn
	CloseWrite() error
}

// Read reads from the pod. One goroutine at a time may call it.
func (c *DirectConn) Read(b []byte) (int, error) {
	for {
		if c.ended.Load() && !c.told.Load() {
			c.awaitPod()
		}
		n, err := c.forward.Read(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && c.ended.Load() && !c.told.Load():
			c.told.Store(true)
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				return n, err
			}
			if err := c.forward.CloseWrite(); err != nil {
				return n, err
			}
			continue
		case err == io.EOF && c.told.Load():
			err = cutError{c.quiet}
		case err == io.EOF:
			c.podDone.Store(true)
		}
		return n, err
	}
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
	if c.ended.Swap(true) {
		return nil
	}
	return c.awaitPod()
}

// awaitPod gives the pod its time, also for a Read that is under way.
func (c *DirectConn) awaitPod() error { return c.SetReadDeadline(time.Now().Add(c.quiet)) }

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
