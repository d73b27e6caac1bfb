//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// awaitClosed returns true when nobody reads f any more, or false when that
// cannot be known.
func awaitClosed(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return false
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	fds := make([]unix.PollFd, 1)
	if raw.Control(func(fd uintptr) { fds[0].Fd = int32(fd) }) != nil {
		return false
	}
	for {
		_, err := unix.Poll(fds, -1)
		if err != unix.EINTR {
			return err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}
