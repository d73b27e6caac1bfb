// Package deliver answers the connections that are captured from a pod: it
// keeps captures in place for as long as it runs, and joins each connection with
// one that its destination opens.
//
// It neither parses arguments nor knows how a capture is done.
package deliver

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Route says which of the pod's connections are captured, and who gets them.
type Route struct {
	Port     uint16
	Mode     wire.Mode
	Settings wire.Settings
	To       Destination
	// ProxyProtocol puts a header of PROXY protocol version 2 with the caller's
	// address before the first byte.
	ProxyProtocol bool
	// Once ends the capture with the first connection, and Serve when that has
	// ended: its error is Serve's.
	Once bool
}

// String is what a route does, but for the pod: "80 -> 127.0.0.1:8080".
func (r Route) String() string { return fmt.Sprintf("%d -> %v", r.Port, r.To) }

// Destination opens what captured connections are joined with: TCP, Unix,
// Command, or one of the caller's own.
type Destination interface {
	// String is what people are told of it.
	String() string
	// Open opens a connection for a caller who called local. Nothing that the
	// caller sends is lost if it takes long. Its error is what the caller sees,
	// as far as a reset can say it.
	Open(ctx context.Context, caller, local netip.AddrPort) (relay.Conn, error)
}

// Listener is a capture that is in place, a *fwd.Listener.
type Listener interface {
	Accept() (*fwd.Incoming, error)
	Stop(ctx context.Context) error
	Close() error
}

// ListenFunc puts a capture in place: Through a *fwd.Client, or a test's own.
type ListenFunc func(ctx context.Context, cfg fwd.ListenConfig) (Listener, error)

// Through makes captures with client.
func Through(client *fwd.Client) ListenFunc {
	return func(ctx context.Context, cfg fwd.ListenConfig) (Listener, error) {
		ln, err := client.Listen(ctx, cfg)
		if err != nil {
			return nil, err // no nil *fwd.Listener in an interface
		}
		return ln, nil
	}
}
