package dns

import (
	"fmt"
	"strings"
)

// A wireName is a domain name in uncompressed wire form, the root label at its
// end included (RFC 1035 section 3.1): at least 1 and at most 255 octets. Case
// is kept; compare with equal.
type wireName string

const rootName wireName = "\x00"

// parseName reads the name at off in msg and follows compression pointers. It
// returns the offset behind the name. Pointers must point backward, so that
// every one of them shortens the way and there is no loop.
func parseName(msg []byte, off int) (wireName, int, error) {
	var b [255]byte
	n, next, limit := 0, -1, off
	for {
		if off >= len(msg) {
			return "", 0, errMalformed
		}
		c := int(msg[off])
		switch c & 0xc0 {
		case 0x00:
			end := off + 1 + c
			if end > len(msg) || n+1+c > len(b) {
				return "", 0, errMalformed
			}
			n += copy(b[n:], msg[off:end])
			off = end
			if c == 0 {
				if next < 0 {
					next = off
				}
				return wireName(b[:n]), next, nil
			}
		case 0xc0:
			if off+2 > len(msg) {
				return "", 0, errMalformed
			}
			if next < 0 {
				next = off + 2
			}
			off = (c&0x3f)<<8 | int(msg[off+1])
			if off >= limit {
				return "", 0, errMalformed
			}
			limit = off
		default: // 0x40 and 0x80 are reserved
			return "", 0, errMalformed
		}
	}
}

// newName reads the text form of a name (RFC 1035 section 5.1: a backslash
// quotes the next character, or the octet with the three decimal digits that
// follow). A dot at the end makes no difference here.
func newName(s string) (wireName, error) {
	bad := func(why string) (wireName, error) { return "", fmt.Errorf("%w: %q: %s", ErrBadName, s, why) }
	if s == "." {
		return rootName, nil
	}
	var b, label []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			octet, width := unescape(s[i+1:])
			if width == 0 {
				return bad("bad escape")
			}
			label = append(label, octet)
			i += width
		case c == '.':
			if len(label) == 0 {
				return bad("empty label")
			}
			b, label = append(append(b, byte(len(label))), label...), label[:0]
		default:
			label = append(label, c)
		}
		if len(label) > 63 {
			return bad("a label is longer than 63 octets")
		}
	}
	if len(label) > 0 {
		b = append(append(b, byte(len(label))), label...)
	}
	if len(b) == 0 {
		return bad("it is empty")
	}
	if b = append(b, 0); len(b) > 255 {
		return bad("it is longer than 255 octets")
	}
	return wireName(b), nil
}

// unescape reads what follows a backslash and returns its width, 0 when it is
// not an escape.
func unescape(s string) (octet byte, width int) {
	if s == "" {
		return 0, 0
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1
	}
	if len(s) < 3 {
		return 0, 0
	}
	n := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, 0
		}
		n = n*10 + int(c-'0')
	}
	if n > 255 {
		return 0, 0
	}
	return byte(n), 3
}

// String gives the text form with a dot at the end, escaped so that it is one
// printable word and newName reads it back.
func (n wireName) String() string {
	if n == rootName || n == "" {
		return "."
	}
	var sb strings.Builder
	for label := range n.labels() {
		for _, c := range []byte(label) {
			switch {
			case c == '.' || c == '\\':
				sb.WriteByte('\\')
				sb.WriteByte(c)
			case c <= ' ' || c >= 0x7f:
				fmt.Fprintf(&sb, `\%03d`, c)
			default:
				sb.WriteByte(c)
			}
		}
		sb.WriteByte('.')
	}
	return sb.String()
}

// labels yields the labels without their length octets, the root label not.
func (n wireName) labels() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
			if !yield(string(n[i+1 : i+1+int(n[i])])) {
				return
			}
		}
	}
}

// dots counts the dots between labels, which is what ndots is compared with.
func (n wireName) dots() int {
	labels := 0
	for range n.labels() {
		labels++
	}
	return max(labels-1, 0)
}

// join puts suffix behind n and reports whether the result is short enough to
// be a name.
func (n wireName) join(suffix wireName) (wireName, bool) {
	joined := n[:len(n)-1] + suffix
	return joined, len(joined) <= 255
}

// fold is n with ASCII letters in lower case (RFC 4343): equal names have equal
// folds. A length octet is at most 63 and so never looks like a letter.
func (n wireName) fold() wireName {
	b := []byte(n)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return wireName(b)
}

func (n wireName) equal(m wireName) bool { return len(n) == len(m) && n.fold() == m.fold() }
