package session

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/fwdtools/fwd/pkg/wire"
)

var (
	// ErrClosed is the end of a session by Close, here or at the peer.
	// It matches net.ErrClosed, too.
	ErrClosed error = closedError{}
	// ErrGoAway is returned by Open when the peer takes no more streams.
	ErrGoAway = errors.New("peer takes no more streams")
	// ErrTooManyStreams is returned by Open at the peer's limit.
	ErrTooManyStreams = errors.New("too many streams")
	// ErrWrongAgent is returned by Client when the agent obeys another key.
	ErrWrongAgent = errors.New("the agent obeys another client's key")
)

type closedError struct{}

func (closedError) Error() string { return "session closed" }

func (closedError) Is(target error) bool { return target == net.ErrClosed }

// Error is the end of a session that is not a Close: every stream that was
// not over fails with it. It is errors.Is(err, syscall.ECONNRESET), as it
// would be if each stream had its own connection.
type Error struct {
	Code   wire.Code
	Text   string
	Remote bool  // the peer said so in a GOAWAY
	Cause  error // the link's error, if there was one
}

func (e *Error) Error() string {
	who := "session ended"
	if e.Remote {
		who = "peer ended the session"
	}
	if e.Cause != nil {
		cause := e.Cause
		if op := (*net.OpError)(nil); errors.As(cause, &op) {
			cause = op.Err // each stream's own error says where, people see this one on every connection
		}
		return fmt.Sprintf("%s: %s: %v", who, e.Text, cause)
	}
	return fmt.Sprintf("%s: %s", who, e.Text)
}

func (e *Error) Unwrap() error { return e.Cause }

// Is lets the end of a session look like a reset connection.
func (e *Error) Is(target error) bool { return target == syscall.ECONNRESET }

// ResetError is the end of one stream by the peer's RESET. It is
// errors.Is(err, errno) for the errno of its code (SPEC.md 7).
type ResetError struct {
	Code wire.Code
	Text string
}

func (e *ResetError) Error() string {
	if e.Text != "" {
		return e.Text
	}
	return e.Code.String()
}

// Is compares with the errno of the code.
func (e *ResetError) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	return ok && errno != 0 && e.Code.Errno() == errno
}

// Timeout is part of net.Error.
func (e *ResetError) Timeout() bool { return e.Code == wire.TimedOut || e.Code == wire.NameTimeout }

// Temporary is part of net.Error.
func (e *ResetError) Temporary() bool { return e.Timeout() }

var _ net.Error = (*ResetError)(nil)

// opError gives err the form that callers of a net.Conn know.
func (st *Stream) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: st.open.Kind.String(), Source: st.LocalAddr(), Addr: st.RemoteAddr(), Err: err}
}
