package main

import (
	"context"
	"net/netip"
	"os"
	"sync"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/wire"
)

// console is standard input and output for one connection after the other.
type console struct {
	in   *input // nil when nothing is answered
	out  *output
	turn chan struct{} // holds one while no connection has its turn
}

func newConsole(mode wire.Mode, in *os.File, out *output) *console {
	c := &console{out: out, turn: make(chan struct{}, 1)}
	if mode == wire.Steal {
		c.in = newInput(in)
	}
	c.turn <- struct{}{}
	return c
}

func (*console) String() string { return "standard output" }

// Open waits for its turn.
func (c *console) Open(ctx context.Context, _, _ netip.AddrPort) (relay.Conn, error) {
	select {
	case <-c.turn:
		return &consoleConn{copyConn: copyConn{c.out}, console: c, closec: make(chan struct{})}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// consoleConn is the console for one connection.
type consoleConn struct {
	copyConn
	console *console
	closec  chan struct{} // closed by Close and Abort
	once    sync.Once
}

func (c *consoleConn) Read(b []byte) (int, error) {
	if c.console.in == nil {
		return c.copyConn.Read(b)
	}
	return c.console.in.read(b, c.closec)
}

func (c *consoleConn) Close() error {
	c.once.Do(func() {
		close(c.closec)
		c.console.turn <- struct{}{}
	})
	return nil
}

func (c *consoleConn) Abort(error) { c.Close() }
