//go:build unix

package stdio

import (
	"os"
	"syscall"
)

// shutdownWrite half-closes f if it is a socket. Its other copies, such as
// standard input, are then half-closed too: they are the same socket.
func shutdownWrite(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	done := false
	raw.Control(func(fd uintptr) { done = syscall.Shutdown(int(fd), syscall.SHUT_WR) == nil })
	return done
}
