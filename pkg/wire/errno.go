package wire

import "syscall"

// errnos is the mapping of SPEC.md 7. The first code of an errno is the one
// that CodeOf gives for it.
var errnos = []struct {
	code  Code
	errno syscall.Errno
}{
	{ConnReset, syscall.ECONNRESET},
	{ConnRefused, syscall.ECONNREFUSED},
	{TimedOut, syscall.ETIMEDOUT},
	{HostUnreachable, syscall.EHOSTUNREACH},
	{NetUnreachable, syscall.ENETUNREACH},
	{ConnAborted, syscall.ECONNABORTED},
	{BrokenPipe, syscall.EPIPE},
	{AccessDenied, syscall.EACCES},
	{NotPermitted, syscall.EPERM},
	{AddrNotAvailable, syscall.EADDRNOTAVAIL},
	{AddrInUse, syscall.EADDRINUSE},
	{TooManyFiles, syscall.EMFILE},
	{NoMemory, syscall.ENOBUFS},
	{NetDown, syscall.ENETDOWN},
	{InvalidAddress, syscall.EINVAL},
	{Unsupported, syscall.EOPNOTSUPP},
	{ShuttingDown, syscall.ESHUTDOWN},
	{ProtocolError, syscall.EPROTO},

	// Only from code to errno.
	{Canceled, syscall.ECONNRESET},
	{SessionLost, syscall.ECONNRESET},
	{FlowControl, syscall.EPROTO},
	{TooManyStreams, syscall.EMFILE},
	{NameTimeout, syscall.ETIMEDOUT},
	// Only from errno to code: the kernel's other words for the same.
	{TooManyFiles, syscall.ENFILE},
	{NoMemory, syscall.ENOMEM},
	{HostUnreachable, syscall.EHOSTDOWN},
}

// Errno is the error number that stands for c on this machine, 0 if there is
// none.
func (c Code) Errno() syscall.Errno {
	for _, e := range errnos {
		if e.code == c {
			return e.errno
		}
	}
	return 0
}

// CodeOf is the code that stands for errno, InternalError if there is none.
func CodeOf(errno syscall.Errno) Code {
	for _, e := range errnos {
		if e.errno == errno {
			return e.code
		}
	}
	return InternalError
}
