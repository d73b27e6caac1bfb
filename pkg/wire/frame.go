package wire

import (
	"strings"
	"unicode/utf8"
)

// Frame is one frame of SPEC.md 2.
type Frame interface {
	// Append appends the frame's bytes, header first, to b. Texts and
	// addresses over their limit are cut to it.
	Append(b []byte) []byte
	// String shows the frame as logs and test failures want it.
	String() string
}

var _ = []Frame{Open{}, Accept{}, Data{}, Credit{}, Reset{}, Ping{}, GoAway{}}

// Parse parses the frame at the start of b and returns it with its length. A
// Data frame's payload aliases b. The error is ErrShort or an *Error.
func Parse(b []byte) (Frame, int, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return nil, 0, err
	}
	n := HeaderLen + h.Length
	if len(b) < n {
		return nil, 0, ErrShort
	}
	f, err := parsePayload(h, b[HeaderLen:n])
	if err != nil {
		return nil, 0, err
	}
	return f, n, nil
}

func parsePayload(h Header, p []byte) (Frame, error) {
	switch h.Type {
	case TypeOpen:
		return ParseOpen(h, p)
	case TypeAccept:
		return ParseAccept(h, p)
	case TypeCredit:
		return ParseCredit(h, p)
	case TypeReset:
		return ParseReset(h, p)
	case TypePing:
		return ParsePing(h, p)
	case TypeGoAway:
		return ParseGoAway(h, p)
	default: // ParseHeader let only DATA remain
		return Data{Stream: h.Stream, FIN: h.Flags&FlagFIN != 0, Payload: p}, nil
	}
}

// cut returns s, or as much of it as fits in max bytes, as valid UTF-8: a text
// that is cut within a rune, or was none, must not break the frame.
func cut(s string, max int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}
