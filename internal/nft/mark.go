//go:build linux

package nft

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// markBase and markMask are the half of the 32 bit mark that tells our
	// sockets from others': "fd". The other half is an order. No mark leaves
	// the network namespace.
	markBase = 0x66640000
	markMask = 0xffff0000

	// firstPriority is where the chains of order 0 are. Those of order n come n
	// later, because the first nat chain that redirects a connection decides.
	// All are after the connection tracking that nat needs (-200) and before
	// the rules of others in the pod (dstnat, -100): they could otherwise send
	// the connection elsewhere.
	firstPriority = -190

	// MaxOrder is the last order that there is room for.
	MaxOrder = 63

	// Own is the order for sockets that no redirect must ever take.
	Own = 0xffff
)

// Mark is the mark of sockets that redirects up to order leave alone. Those of
// a higher order take them.
func Mark(order int) uint32 { return markBase | uint32(order)&^markMask }

// Control returns a function for the Control field of a net.Dialer or a
// net.ListenConfig, which marks the socket. That takes NET_ADMIN.
func Control(mark uint32) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(mark))
		}); cerr != nil {
			return cerr
		}
		if err != nil {
			return fmt.Errorf("mark the socket: %w", os.NewSyscallError("setsockopt", err))
		}
		return nil
	}
}
