package agent

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// dialTime bounds name lookup and all connection attempts together.
const dialTime = 30 * time.Second

// dialTCP connects st to the address it was opened with: the name is looked up
// as the pod does it, and all its addresses are tried. It returns when both
// directions have ended.
func dialTCP(ctx context.Context, st *session.Stream) error {
	if err := checkAddress(st.Address()); err != nil {
		st.Reset(wire.InvalidAddress, err.Error())
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with this function at the latest: Join closes st
		select {
		case <-st.Done(): // nobody waits for the connection any more
			cancel()
		case <-ctx.Done():
		}
	}()
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "tcp", st.Address())
	if err != nil {
		st.Abort(err)
		return err
	}
	st.Accept(conn.RemoteAddr().String())
	return relay.Join(relay.TCP{TCPConn: conn.(*net.TCPConn)}, st)
}

// checkAddress keeps net's own readings of an address (a service name for a
// port, nothing for a host) away from the client's.
func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); host == "" || err != nil || n == 0 {
		return fmt.Errorf("address %q is not host:port", addr)
	}
	return nil
}
