//go:build linux

package sockets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// OriginalDst is what the caller of a connection called, whether or not it was
// redirected to where it is. An IPv4 address is never in its IPv6 form.
//
// The listener must refuse Multipath TCP, which Go's take by default
// (net.ListenConfig.SetMultipathTCP): the kernel does not tell it for these.
func OriginalDst(c *net.TCPConn) (netip.AddrPort, error) {
	local := c.LocalAddr().(*net.TCPAddr).AddrPort()
	local = netip.AddrPortFrom(local.Addr().Unmap().WithZone(""), local.Port())
	raw, err := c.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var dst netip.AddrPort
	cerr := raw.Control(func(fd uintptr) {
		if local.Addr().Is4() {
			var sa unix.RawSockaddrInet4
			if err = getsockopt(fd, unix.SOL_IP, unsafe.Pointer(&sa), unsafe.Sizeof(sa)); err == nil {
				dst = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), networkOrder(sa.Port))
			}
			return
		}
		var sa unix.RawSockaddrInet6
		if err = getsockopt(fd, unix.SOL_IPV6, unsafe.Pointer(&sa), unsafe.Sizeof(sa)); err == nil {
			dst = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), networkOrder(sa.Port))
		}
	})
	switch {
	case cerr != nil:
		return netip.AddrPort{}, cerr
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOPROTOOPT): // it is not tracked, so nothing redirected it
		return local, nil
	case err != nil:
		return netip.AddrPort{}, fmt.Errorf("original destination of %v: %w", c.RemoteAddr(), os.NewSyscallError("getsockopt", err))
	}
	return dst, nil
}

// getsockopt reads SO_ORIGINAL_DST, which IPv6 has under the same number.
func getsockopt(fd uintptr, level int, sa unsafe.Pointer, size uintptr) error {
	n := uint32(size)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, uintptr(level), unix.SO_ORIGINAL_DST, uintptr(sa), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// networkOrder is a port as it stands in memory, in network byte order.
func networkOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}
