//go:build unix

package relay

import (
	"io"
	"os"
	"syscall"
)

// copyReady copies src to w. Ten thousand idle connections must not hold ten
// thousand buffers, so a buffer is taken only once there is something to read.
func copyReady(w io.Writer, src waiter) error {
	raw, err := src.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var (
			buf     *[bufferSize]byte
			n       int
			readErr error
		)
		err := raw.Read(func(fd uintptr) bool {
			buf = buffers.Get().(*[bufferSize]byte)
			for {
				n, readErr = syscall.Read(int(fd), buf[:])
				if readErr != syscall.EINTR {
					break
				}
			}
			if readErr == syscall.EAGAIN {
				buffers.Put(buf)
				buf = nil
				return false
			}
			return true
		})
		if err == nil && readErr != nil {
			err = os.NewSyscallError("read", readErr)
		}
		if err == nil && n > 0 {
			_, err = w.Write(buf[:n])
		}
		if buf != nil {
			buffers.Put(buf)
		}
		if err != nil {
			return err
		}
		if n <= 0 {
			return nil
		}
	}
}
