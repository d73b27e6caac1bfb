//go:build unix

package relay

import (
	"io"
	"os"
	"syscall"
)

// drawReady has w draw what src has each time that there is something: nothing
// holds a buffer while it waits, for src or for its turn.
func drawReady(w *watched, d drawer, src waiter) error {
	raw, err := src.SyscallConn()
	if err != nil {
		return err
	}
	var readErr error
	read := func(b []byte) (n int, _ error) {
		n, readErr = readNow(raw, b)
		return n, readErr
	}
	for {
		if err := await(raw); err != nil {
			return err
		}
		switch err := d.Draw(read); {
		case readErr == io.EOF:
			return nil
		case readErr != nil:
			return readErr
		case err != nil:
			w.err = err
			return err
		}
	}
}

// await waits until there is something to read, if only an end.
func await(raw syscall.RawConn) error {
	waited := false
	return raw.Read(func(fd uintptr) bool {
		if waited {
			return true
		}
		// What comes from now on ends the wait. What was there before is only
		// seen by looking.
		waited = true
		var b [1]byte
		for {
			_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			if err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
}

// readNow reads what is there, without waiting: 0 and no error if nothing is.
func readNow(raw syscall.RawConn, b []byte) (n int, err error) {
	var readErr error
	err = raw.Read(func(fd uintptr) bool {
		for {
			if n, readErr = syscall.Read(int(fd), b); readErr != syscall.EINTR {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case readErr == syscall.EAGAIN:
		return 0, nil
	case readErr != nil:
		return 0, os.NewSyscallError("read", readErr)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
