//go:build linux || darwin

package relay

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

var _ eager = TCP{}

// WriteNow writes what of bufs, 1024 at most, the socket has room for, without
// waiting, and returns how many bytes that were.
func (c TCP) WriteNow(bufs [][]byte) (n int64, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var (
		wrote    int
		writeErr error
	)
	err = raw.Write(func(fd uintptr) bool {
		for {
			wrote, writeErr = unix.Writev(int(fd), bufs)
			if writeErr != unix.EINTR {
				return true
			}
		}
	})
	if err == nil && writeErr != nil && writeErr != unix.EAGAIN {
		err = &net.OpError{Op: "write", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("writev", writeErr)}
	}
	return int64(max(wrote, 0)), err
}
