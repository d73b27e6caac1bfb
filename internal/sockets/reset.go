//go:build linux

package sockets

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The states of connections that are not about to end on their own, as bits by
// number (include/net/tcp_states.h).
const underWay = 1<<1 | // ESTABLISHED
	1<<3 | // SYN_RECV
	1<<4 | // FIN_WAIT1
	1<<5 | // FIN_WAIT2
	1<<8 // CLOSE_WAIT

// ResetEstablished resets the TCP connections that this port has, whether or not
// the app has accepted them: both ends see a reset, but of Multipath TCP only the
// caller's. It says how many they were, also when it fails on one. It takes NET_ADMIN, and a kernel that lets sockets
// be reset (INET_DIAG_DESTROY); otherwise the error is fs.ErrPermission or
// errors.ErrUnsupported.
func ResetEstablished(port uint16) (n int, err error) {
	c, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		ids, err := connections(c, family, port)
		if err != nil {
			return n, fmt.Errorf("list the connections of port %d: %w", port, unsupported(err))
		}
		for _, id := range ids {
			switch err := destroy(c, family, id); {
			case err == nil:
				n++
			case errors.Is(err, syscall.ENOENT): // it has ended meanwhile
			default:
				return n, fmt.Errorf("reset connections of port %d: %w", port, unsupported(err))
			}
		}
	}
	return n, nil
}

// connections is what port has of one family. Both ends of a connection within
// the pod are there, but only the one that was called has the port.
func connections(c *netlink.Conn, family uint8, port uint16) ([]id, error) {
	msgs, err := c.Execute(request(unix.SOCK_DIAG_BY_FAMILY, netlink.Dump, family, underWay, of(port)))
	if err != nil {
		if errors.Is(err, syscall.ENOENT) && family == unix.AF_INET6 { // a kernel without IPv6
			return nil, nil
		}
		return nil, err
	}
	var ids []id
	for _, m := range msgs {
		id, err := parseID(m.Data)
		if err != nil {
			return nil, err
		}
		if id.port() == port {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func destroy(c *netlink.Conn, family uint8, id id) error {
	_, err := c.Execute(request(unix.SOCK_DESTROY, netlink.Acknowledge, family, underWay, id))
	return err
}

// unsupported says what a kernel that answers with err lacks.
func unsupported(err error) error {
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("this kernel cannot reset the sockets of others (INET_DIAG_DESTROY): %w: %w", errors.ErrUnsupported, err)
	}
	return err
}
