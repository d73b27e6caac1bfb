//go:build linux || darwin

package link

import (
	"net"

	"golang.org/x/sys/unix"
)

// boundUnsent keeps the kernel from taking more than maxUnsent bytes that the
// network has no room for yet: they would be ahead of whatever comes later, were
// it a keystroke. A failure costs no more than that.
func boundUnsent(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
		})
	}
}
