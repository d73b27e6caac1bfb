package session

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Abort is Reset with the code and text that fit err, so that the peer sees
// what happened here as if it had happened there.
func (st *Stream) Abort(err error) {
	code, text := describe(err, st.open.Address)
	st.Reset(code, text)
}

// describe finds the code for err, met on the way to an address that the peer
// knows, and what is worth saying beyond it.
func describe(err error, known string) (wire.Code, string) {
	var (
		reset *ResetError
		ended *Error
		dns   *net.DNSError
		errno syscall.Errno
	)
	switch {
	case err == nil, errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
		return wire.Canceled, ""
	case errors.As(err, &reset):
		return reset.Code, reset.Text
	case errors.As(err, &ended):
		return wire.SessionLost, ended.Error()
	case errors.As(err, &dns):
		return describeDNS(dns)
	case errors.As(err, &errno) && wire.CodeOf(errno) != wire.InternalError:
		return wire.CodeOf(errno), where(err, known) + errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return wire.TimedOut, where(err, known) + "timed out"
	}
	return wire.InternalError, err.Error()
}

func describeDNS(err *net.DNSError) (wire.Code, string) {
	switch {
	case err.IsNotFound:
		return wire.NoSuchHost, err.Error()
	case err.IsTimeout:
		return wire.NameTimeout, err.Error()
	}
	return wire.NameFailed, err.Error()
}

// where is the address that a dial failed at, as the beginning of a text, if it
// is news.
func where(err error, known string) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" && op.Addr != nil && op.Addr.String() != known {
		return op.Addr.String() + ": "
	}
	return ""
}
