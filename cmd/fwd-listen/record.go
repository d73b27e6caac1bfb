package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/transcript"
)

// record is standard output in a format that takes any number of connections at
// once. Nobody answers them.
type record struct {
	format string
	start  func() (transcript.Writer, error) // begins with what comes before all connections, once
}

func newRecord(format string, out *output) *record {
	return &record{format, sync.OnceValues(func() (transcript.Writer, error) {
		if format == "pcap" {
			return transcript.NewPcap(out)
		}
		return transcript.NewJSONL(out), nil
	})}
}

func (r *record) String() string { return "standard output as " + r.format }

func (r *record) Open(_ context.Context, caller, local netip.AddrPort) (relay.Conn, error) {
	w, err := r.start()
	if err != nil {
		return nil, err
	}
	conn, err := w.Open(caller, local)
	return &recordConn{conn: conn, closec: make(chan struct{})}, err
}

// recordConn is one connection of a record.
type recordConn struct {
	conn   transcript.Conn
	closec chan struct{} // closed when the caller has ended
	once   sync.Once
}

// Read ends when the caller has: a stolen connection stays open until then.
func (c *recordConn) Read([]byte) (int, error) {
	<-c.closec
	return 0, io.EOF
}

func (c *recordConn) Write(b []byte) (int, error) { return c.conn.Write(b) }

func (c *recordConn) CloseWrite() error { return c.close(nil) }

func (c *recordConn) Close() error { return c.close(errEnded) }

// errEnded is a connection whose end was not seen.
var errEnded = errors.New("capture ended")

// Abort implements relay.Conn.
func (c *recordConn) Abort(err error) {
	var op *net.OpError
	switch {
	case err == nil:
		err = errEnded
	case errors.As(err, &op):
		err = op.Err
	}
	c.close(err)
}

func (c *recordConn) close(reason error) (err error) {
	c.once.Do(func() {
		close(c.closec)
		err = c.conn.Close(reason)
	})
	return err
}
