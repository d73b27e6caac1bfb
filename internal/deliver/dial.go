package deliver

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
)

// dialTime bounds how long a caller waits for a local address.
const dialTime = 10 * time.Second

// TCP is a destination that is dialled: host:port.
type TCP string

func (a TCP) String() string { return string(a) }

// Open implements Destination.
func (a TCP) Open(ctx context.Context, _, _ netip.AddrPort) (relay.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "tcp", string(a))
	if err != nil {
		return nil, err
	}
	return relay.TCP{TCPConn: conn.(*net.TCPConn)}, nil
}

// Unix is a destination that is dialled: the path of a socket.
type Unix string

func (p Unix) String() string { return "unix:" + string(p) }

// Open implements Destination.
func (p Unix) Open(ctx context.Context, _, _ netip.AddrPort) (relay.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "unix", string(p))
	if err != nil {
		return nil, err
	}
	return unixConn{conn.(*net.UnixConn)}, nil
}

// unixConn gives a connection to a unix socket the manners of relay.Conn.
type unixConn struct{ *net.UnixConn }

// Abort closes it: the peer sees an end of data, for there is no reset.
func (c unixConn) Abort(error) { c.Close() }
