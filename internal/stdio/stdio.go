// Package stdio makes a connection of a process's standard input and output,
// as a ProxyCommand of ssh or an EXEC of socat sees them.
package stdio

import (
	"net"
	"os"
	"sync"

	"github.com/fwdtools/fwd/internal/relay"
)

// Conn is standard input and output as one connection.
type Conn struct {
	in, out *os.File
	chunks  chan chunk    // from the reader of in
	last    chunk         // what of it Read has not returned yet
	closec  chan struct{} // closed by Close and Abort
	once    sync.Once
}

type chunk struct {
	b   []byte
	err error
}

var _ relay.Conn = (*Conn)(nil)

// New makes a connection that reads in and writes out. A goroutine reads in
// from here on; it cannot be stopped while in is blocked, so it ends with the
// process.
func New(in, out *os.File) *Conn {
	c := &Conn{in: in, out: out, chunks: make(chan chunk), closec: make(chan struct{})}
	go c.readIn()
	return c
}

// readIn reads into two buffers in turn: one is filled while the other is
// written on.
func (c *Conn) readIn() {
	var bufs [2][64 << 10]byte // the channel holds none, so the other one is free
	for i := 0; ; i ^= 1 {
		n, err := c.in.Read(bufs[i][:])
		select {
		case c.chunks <- chunk{bufs[i][:n], err}:
		case <-c.closec:
			return
		}
		if err != nil {
			return // Read keeps the error
		}
	}
}

// Read implements relay.Conn. One goroutine at a time may call it.
func (c *Conn) Read(b []byte) (int, error) {
	for len(c.last.b) == 0 {
		if c.last.err != nil {
			return 0, c.last.err
		}
		select {
		case c.last = <-c.chunks:
		case <-c.closec:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, c.last.b)
	c.last.b = c.last.b[n:]
	return n, nil
}

func (c *Conn) Write(b []byte) (int, error) { return c.out.Write(b) }

// CloseWrite ends standard output. A socket, which is both input and output
// under ssh and socat, is half-closed.
func (c *Conn) CloseWrite() error {
	if shutdownWrite(c.out) {
		return nil
	}
	return c.out.Close()
}

// Close ends a Read that waits. Standard output is closed already if both
// directions came to their end.
func (c *Conn) Close() error {
	c.once.Do(func() { close(c.closec) })
	return nil
}

// Abort is Close: what went wrong shows in the process's exit code.
func (c *Conn) Abort(error) { c.Close() }
