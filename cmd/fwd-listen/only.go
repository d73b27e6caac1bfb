package main

import (
	"context"
	"io"
	"net/netip"
	"os"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/stdio"
	"github.com/fwdtools/fwd/pkg/wire"
)

// only is standard input and output for one connection: they end with it.
type only struct {
	mode wire.Mode
	in   *os.File
	out  *output
}

func (only) String() string { return "standard output" }

func (o only) Open(context.Context, netip.AddrPort, netip.AddrPort) (relay.Conn, error) {
	if o.mode == wire.Mirror {
		return copyConn{o.out}, nil
	}
	return onlyConn{stdio.New(o.in, o.out.f), o.out}, nil
}

// onlyConn is standard input and output, whose writes can be given up.
type onlyConn struct {
	*stdio.Conn
	out *output
}

func (c onlyConn) Write(b []byte) (int, error) { return c.out.Write(b) }

// copyConn is standard output: of a mirrored connection, nothing is answered.
type copyConn struct{ out *output }

func (copyConn) Read([]byte) (int, error)      { return 0, io.EOF }
func (c copyConn) Write(b []byte) (int, error) { return c.out.Write(b) }
func (copyConn) CloseWrite() error             { return nil }
func (copyConn) Close() error                  { return nil }
func (copyConn) Abort(error)                   {}
