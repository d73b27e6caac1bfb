package wire

import "fmt"

// Code says why a stream or a session ended (SPEC.md 7).
type Code uint16

// The codes of SPEC.md 7.
const (
	Canceled       Code = 0
	ProtocolError  Code = 1
	InternalError  Code = 2
	FlowControl    Code = 3
	Flood          Code = 4
	Unauthorized   Code = 5
	TooManyStreams Code = 6
	Unsupported    Code = 7
	ShuttingDown   Code = 8
	SessionLost    Code = 9
	DataLost       Code = 10

	ConnReset        Code = 32
	ConnRefused      Code = 33
	TimedOut         Code = 34
	HostUnreachable  Code = 35
	NetUnreachable   Code = 36
	ConnAborted      Code = 37
	BrokenPipe       Code = 38
	AccessDenied     Code = 39
	NotPermitted     Code = 40
	AddrNotAvailable Code = 41
	AddrInUse        Code = 42
	TooManyFiles     Code = 43
	NoMemory         Code = 44
	NetDown          Code = 45
	InvalidAddress   Code = 46

	NoSuchHost  Code = 64
	NameTimeout Code = 65
	NameFailed  Code = 66
)

var codeNames = map[Code]string{
	Canceled:         "canceled",
	ProtocolError:    "protocol error",
	InternalError:    "internal error",
	FlowControl:      "flow control error",
	Flood:            "flood",
	Unauthorized:     "unauthorized",
	TooManyStreams:   "too many streams",
	Unsupported:      "unsupported",
	ShuttingDown:     "shutting down",
	SessionLost:      "session lost",
	DataLost:         "data lost",
	ConnReset:        "connection reset",
	ConnRefused:      "connection refused",
	TimedOut:         "timed out",
	HostUnreachable:  "host unreachable",
	NetUnreachable:   "network unreachable",
	ConnAborted:      "connection aborted",
	BrokenPipe:       "broken pipe",
	AccessDenied:     "access denied",
	NotPermitted:     "not permitted",
	AddrNotAvailable: "address not available",
	AddrInUse:        "address in use",
	TooManyFiles:     "out of file descriptors",
	NoMemory:         "out of memory",
	NetDown:          "network down",
	InvalidAddress:   "invalid address",
	NoSuchHost:       "no such host",
	NameTimeout:      "name lookup timed out",
	NameFailed:       "name lookup failed",
}

func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return s
	}
	return fmt.Sprintf("code %d", uint16(c))
}
