// Package capture takes the connections to a port of the pod away from the app
// (Steal), or copies what callers send (Mirror), and brings them to a client.
//
// It is the policy over mechanisms that are given to it: who may have the port,
// the redirect, the tap. It knows neither nftables nor sessions, and reads HTTP
// only through httpsplit.
package capture

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync/atomic"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Stream is a connection to the client, which may be written to before the
// client has accepted it. A *session.Stream is one.
type Stream interface {
	relay.Conn
	io.WriterTo
	// Connected waits until the client has accepted it.
	Connected(ctx context.Context) (string, error)
	// Flush waits until the client has consumed what was written.
	Flush(ctx context.Context) error
	// Done is closed when nothing that is done for it is of use any more.
	Done() <-chan struct{}
	Reset(code wire.Code, text string)
}

// Open opens a stream to the client for one caller's connection to local.
type Open func(caller, local netip.AddrPort) (Stream, error)

// errOver is why no stream is opened any more.
var errOver = errors.New("the capture is over")

// counts is a wire.Note that several goroutines count in.
type counts struct{ connections, requests, lost atomic.Uint64 }

func (c *counts) note() wire.Note {
	return wire.Note{Connections: c.connections.Load(), Requests: c.requests.Load(), Lost: c.lost.Load()}
}

func (c *counts) matched() { c.requests.Add(1) }

// unmapped is addr in the family that people know it by: a listener for both
// families sees IPv4 as IPv6.
func unmapped(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
