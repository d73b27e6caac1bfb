package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	readBuffer = 64 << 10
	// maxFrame is the payload of a frame that we send. Each costs the node an
	// allocation and a wake-up: 256 KiB carry a quarter more than 64 through one
	// WebSocket, and wait longer for their last byte before the first is used.
	maxFrame = 128 << 10
	// reasonTimeout is how long the error stream may take to end after the data
	// has. It always comes next, unless a runtime half-closes, as none is known
	// to do.
	reasonTimeout = time.Second
	// pingEvery keeps proxies on the way from taking a quiet link for a dead one.
	pingEvery = 10 * time.Second
)

// Conn is a port-forward's data stream as a net.Conn. Its errors are
// *net.OpError, except for the bare io.EOF that is the far side's orderly end.
//
// Readers and writers take turns with rmu and wmu. What comes is looked at by
// whoever reads, to save a wake-up for each frame; after the end of the data, a
// goroutine does so. Another, keepAlive, sends pings and answers them.
type Conn struct {
	raw  net.Conn
	addr Addr

	rmu sync.Mutex
	in  receiver // guarded by rmu until the data ends, and then its goroutine's

	wmu    sync.Mutex
	wbuf   []byte // guarded by wmu
	wended bool   // CloseWrite was called; guarded by wmu

	mu      sync.Mutex
	cause   error // why the data ended: io.EOF or the failure; guarded by mu
	failure error // why the link is of no use any more; guarded by mu

	pongc    chan uint32   // pings to answer
	decidedc chan struct{} // closed by the receiver when it has set cause
	closedc  chan struct{} // closed by Close
	lostc    chan struct{} // closed by the receiver when nothing can come any more
	once     sync.Once
	wg       sync.WaitGroup
}

var _ net.Conn = (*Conn)(nil)

// newConn opens the streams on an upgraded connection, which it owns from now
// on. br reads from raw. Nothing is waited for.
func newConn(raw net.Conn, br *bufio.Reader, addr Addr, port int) (*Conn, error) {
	c := &Conn{
		raw: raw, addr: addr,
		wbuf:     make([]byte, 0, frameHeader+maxFrame),
		pongc:    make(chan uint32, 8),
		decidedc: make(chan struct{}),
		closedc:  make(chan struct{}),
		lostc:    make(chan struct{}),
	}
	open, err := openFrames(port)
	if err == nil {
		_, err = raw.Write(open)
	}
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("open port-forward: %w", err)
	}
	c.in = receiver{c: c, br: br}
	c.wg.Go(c.keepAlive)
	return c, nil
}

// Read reads from the pod. After the far side's end it returns io.EOF if that
// was an orderly end, and the reason otherwise.
func (c *Conn) Read(p []byte) (int, error) {
	c.rmu.Lock()
	defer c.rmu.Unlock()
	switch {
	case c.closed():
		return 0, c.opError("read", net.ErrClosed)
	case len(p) == 0:
		return 0, nil
	}
	if n := c.in.read(p); n > 0 {
		return n, nil
	}
	return 0, c.ended()
}

// Write writes to the pod, in frames of up to 128 KiB, each of them one write
// to the connection beneath. It fails with the link's error when that has come.
func (c *Conn) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	written := 0
	for {
		piece := p[written:min(written+maxFrame, len(p))]
		if err := c.writeFrame(piece, 0); err != nil {
			return written, err
		}
		written += len(piece)
		if written == len(p) {
			return written, nil
		}
	}
}

// CloseWrite tells the pod that no more will come. Mind that today's container
// runtimes close the other direction one second later.
func (c *Conn) CloseWrite() error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.wended {
		return nil
	}
	err := c.writeFrame(nil, flagFin)
	c.wended = true
	return err
}

// writeFrame writes one DATA frame. wmu is held.
func (c *Conn) writeFrame(p []byte, flags byte) error {
	switch {
	case c.closed():
		return c.opError("write", net.ErrClosed)
	case c.wended:
		return c.opError("write", syscall.EPIPE)
	}
	if err := c.failed(); err != nil {
		return c.opError("write", err)
	}
	c.wbuf = append(appendDataHeader(c.wbuf[:0], dataStream, len(p), flags), p...)
	_, err := c.raw.Write(c.wbuf)
	switch {
	case err == nil:
		return nil
	case c.closed():
		return c.opError("write", net.ErrClosed)
	case c.failed() != nil:
		return c.opError("write", c.failed())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.opError("write", os.ErrDeadlineExceeded)
	}
	return c.opError("write", fmt.Errorf("%w: %w", ErrLost, err))
}

// Close ends the link at once in both directions and returns when its
// goroutines have ended. Data still on its way may be lost.
func (c *Conn) Close() error {
	c.once.Do(func() {
		close(c.closedc)
		c.raw.Close()
	})
	c.rmu.Lock() // no reader begins a goroutine meanwhile
	defer c.rmu.Unlock()
	c.wg.Wait()
	return nil
}

// LocalAddr is the local address of the connection to the API server.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is the pod and port, an Addr.
func (c *Conn) RemoteAddr() net.Addr { return c.addr }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline bounds reads. A read that it cuts short breaks the link.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline bounds writes. A write that it cuts short breaks the link.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }

func (c *Conn) closed() bool {
	select {
	case <-c.closedc:
		return true
	default:
		return false
	}
}

// failed returns why the link is of no use any more, or nil.
func (c *Conn) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// ended returns what a Read after the last data says. The reason for the end
// may be on its way still.
func (c *Conn) ended() error {
	late := time.NewTimer(reasonTimeout)
	defer late.Stop()
	select {
	case <-c.decidedc:
	case <-late.C:
		c.end(io.EOF)
	case <-c.closedc:
	}
	if c.closed() { // it may be why the rest came to its end
		return c.opError("read", net.ErrClosed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == io.EOF {
		return io.EOF
	}
	return c.opError("read", c.cause)
}

// end keeps the first reason for which the data ended, and the first failure,
// which may come after an orderly end.
func (c *Conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
	if c.failure == nil && err != io.EOF {
		c.failure = err
	}
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: c.addr.Link, Addr: c.addr, Err: err}
}
