package relay

import (
	"errors"
	"net"
	"syscall"
)

// TCP gives a TCP connection the manners that Join needs.
type TCP struct{ *net.TCPConn }

var (
	_ Conn   = TCP{}
	_ waiter = TCP{}
)

// Abort resets the connection.
func (c TCP) Abort(error) {
	c.SetLinger(0)
	c.Close()
}

// notConnected tells that a connection was gone before it was half-closed.
// The other direction knows more about why.
func notConnected(err error) bool { return errors.Is(err, syscall.ENOTCONN) }
