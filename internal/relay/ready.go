package relay

import (
	"io"
	"syscall"
)

// waiter is a connection that can wait for its bytes without a buffer.
type waiter interface {
	io.Reader
	SyscallConn() (syscall.RawConn, error)
}
