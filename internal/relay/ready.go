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

// drawer is a connection that takes what it sends from a source, once it may be
// sent. read does not wait: with nothing to read, or less than b has room for,
// Draw has all there is and returns. Its error is read's, or its own.
type drawer interface {
	Draw(read func(b []byte) (n int, err error)) error
}

// plain draws for a connection that only writes.
type plain struct{ io.Writer }

func (p plain) Draw(read func([]byte) (int, error)) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for {
		n, err := read(buf[:])
		if err != nil || n == 0 {
			return err
		}
		if _, err := p.Write(buf[:n]); err != nil || n < len(buf) {
			return err
		}
	}
}
