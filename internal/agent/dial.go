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

const (
	// dialTime bounds name lookup and all connection attempts together.
	dialTime = 30 * time.Second
	// partingTime is how long a backend may take nothing of what is left for it
	// once its client has gone.
	partingTime = 5 * time.Second
)

// dialTCP connects st to the address it was opened with: the name is looked up
// as the pod does it, and all its addresses are tried. It returns when both
// directions have ended, and at once when the agent ends.
func dialTCP(agent context.Context, st *session.Stream) error {
	if err := checkAddress(st.Address()); err != nil {
		st.Reset(wire.InvalidAddress, err.Error())
		return err
	}
	conn, err := dialApart(agent, st)
	if err != nil {
		st.Abort(err)
		return err
	}
	st.Accept(conn.RemoteAddr().String())
	far := dialed{relay.TCP{TCPConn: conn}, st.Done()}
	defer st.OnDone(far.part)()
	defer context.AfterFunc(agent, func() { far.Abort(nil) })()
	return relay.Join(far, st)
}

// dialApart dials for st in a goroutine of its own: the stack and the contexts
// that it takes are given back, where thousands of connections would keep theirs.
func dialApart(agent context.Context, st *session.Stream) (conn *net.TCPConn, err error) {
	donec := make(chan struct{})
	go func() {
		defer close(donec)
		ctx, cancel := context.WithCancel(agent)
		defer cancel()
		defer st.OnDone(cancel)() // nobody waits for the connection any more
		d := net.Dialer{Timeout: dialTime, Control: control}
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", st.Address()); err == nil {
			conn = c.(*net.TCPConn)
		}
	}()
	<-donec
	return conn, err
}

// dialed is a connection in the pod. What its client has sent before it went is
// still written as long as the backend takes it; one that reads nothing would
// otherwise keep the connection, and what waits for it, for ever.
type dialed struct {
	relay.TCP
	gone <-chan struct{} // closed when the client is done with the connection
}

func (d dialed) Write(p []byte) (int, error) {
	select {
	case <-d.gone:
		d.part()
	default:
	}
	return d.TCP.Write(p)
}

// part bounds the write that is under way.
func (d dialed) part() { d.SetWriteDeadline(time.Now().Add(partingTime)) }

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
