// Package wire is the codec of the fwd session protocol: its greeting, its
// frames and its error codes, as SPEC.md describes them.
//
// It is pure: bytes in, values out. It opens nothing, starts nothing, logs
// nothing and keeps no state; package session gives the frames their meaning.
// Parse functions check every length before they use it and return values that
// alias their input only where they say so.
package wire

import "errors"

// Version is the version of the protocol that this package speaks (SPEC.md 9).
const Version = 1

// Limits of SPEC.md 8.
const (
	MaxPayload  = 32 << 10  // bytes after a frame's header
	MaxHello    = 1024      // bytes of a greeting after its length
	MaxAddress  = 512       // bytes of an address
	MaxText     = 512       // bytes of an error's text
	MinWindow   = 512 << 10 // bytes, least and first window of a stream
	MaxWindow   = 16 << 20  // bytes, widest window of a stream
	MaxControl  = 1 << 20   // bytes of control frames waiting to be sent
	MaxBacklog  = 1024      // streams waiting to be accepted
	MaxStreamID = 1<<32 - 1
)

// ErrShort is returned by a Parse function whose input ends before the value
// does. With more input the same call may succeed.
var ErrShort = errors.New("wire: input ends within a value")

// Error is a breach of SPEC.md: what the peer sent cannot be a frame or a
// greeting. Code is what the session tells the peer.
type Error struct {
	Code Code
	Text string
}

func (e *Error) Error() string { return "wire: " + e.Text }

func protocolError(text string) error { return &Error{Code: ProtocolError, Text: text} }
