package capture

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/fwdtools/fwd/pkg/wire"
)

// mirrored is the copy of one connection: a Sink for the tap, which waits for
// nothing, and a source for the goroutine that writes to the client.
type mirrored struct {
	m      *Mirror
	caller netip.AddrPort
	local  netip.AddrPort

	mu      sync.Mutex
	changed sync.Cond // signalled when the goroutine may have something to do
	buf     []byte    // guarded by mu; waits for the client
	taken   int       // guarded by mu; bytes that are being written
	ended   bool      // guarded by mu; nothing follows buf
	err     error     // guarded by mu; why it ended, nil for FIN
	st      *answered // guarded by mu; the client's, nil before
}

var (
	_ Sink        = (*mirrored)(nil)
	_ io.Reader   = (*mirrored)(nil)
	_ io.WriterTo = (*mirrored)(nil)
)

var (
	errCallerReset = errors.New("the caller has reset the connection")
	errClientGone  = errors.New("the client takes no more")
)

// lostError is bytes that are missing in a copy.
type lostError struct{ text string }

func (e *lostError) Error() string { return e.text }

// Write implements Sink.
func (c *mirrored) Write(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if !c.m.held.take(len(c.buf)+c.taken, len(b)) {
		n := len(c.buf) + c.taken + len(b)
		c.drop(&lostError{fmt.Sprintf("the local side takes it too slowly: %d bytes not copied", n)})
		return
	}
	c.buf = append(c.buf, b...)
	c.changed.Signal()
}

// End implements Sink.
func (c *mirrored) End(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		err = errCallerReset
	case errors.Is(err, net.ErrClosed):
		err = errOver
	case err != nil:
		err = &lostError{err.Error()}
	}
	c.ended, c.err = true, err
	c.changed.Signal()
}

// abandon ends the copy at once, whatever it still has.
func (c *mirrored) abandon(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended || len(c.buf) > 0 {
		c.drop(err)
	}
}

// drop ends the copy without what waits. Called with mu held.
func (c *mirrored) drop(err error) {
	c.m.held.give(len(c.buf))
	c.buf, c.ended, c.err = nil, true, err
	c.changed.Signal()
	if c.st != nil { // its goroutine may be in a write that nobody reads
		reset(c.st, err)
	}
}

// reset tells the client why its copy ends before its time.
func reset(st Stream, err error) {
	lost := (*lostError)(nil)
	switch {
	case errors.As(err, &lost):
		st.Reset(wire.DataLost, lost.text)
	case errors.Is(err, errCallerReset):
		st.Reset(wire.ConnReset, "")
	default:
		st.Reset(wire.Canceled, "")
	}
}

// take waits for bytes and takes what there is, up to most. The error is io.EOF
// after FIN.
func (c *mirrored) take(most int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.buf) == 0 && !c.ended {
		c.changed.Wait()
	}
	if len(c.buf) == 0 {
		if c.err == nil {
			return nil, io.EOF
		}
		return nil, c.err
	}
	b := c.buf
	if len(b) > most {
		b, c.buf = b[:most:most], b[most:]
	} else {
		c.buf = nil
	}
	c.taken += len(b)
	return b, nil
}

// give says that n of the bytes taken wait no longer.
func (c *mirrored) give(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken -= n
	c.m.held.give(n)
}

// Read implements io.Reader.
func (c *mirrored) Read(p []byte) (int, error) {
	b, err := c.take(len(p))
	copy(p, b)
	c.give(len(b))
	return len(b), err
}

// WriteTo implements io.WriterTo, so that a copy that has nothing to do needs
// no buffer.
func (c *mirrored) WriteTo(w io.Writer) (total int64, err error) {
	for {
		b, err := c.take(maxHeld)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(b)
		c.give(len(b))
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}
