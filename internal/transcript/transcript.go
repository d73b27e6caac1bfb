// Package transcript writes down what callers send on connections, for programs
// that read it from a pipe: as JSON lines, or as a capture file.
//
// It writes one direction, because the other one is the pod's or nobody's.
package transcript

import (
	"io"
	"net/netip"
)

// Writer writes any number of connections down at once. Its methods, and those
// of its connections, may be called from any goroutine.
type Writer interface {
	// Open writes that a connection begins.
	Open(caller, local netip.AddrPort) (Conn, error)
}

// Conn is one connection. Each of its methods writes what has happened, and
// returns what the writer below said.
type Conn interface {
	// Write writes what the caller sent.
	io.Writer
	// Close writes that there will be no more: nil is an end of data. Only the
	// first call does.
	Close(err error) error
}
