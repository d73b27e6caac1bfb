package httpsplit

import "bytes"

const (
	preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // RFC 9113 3.4
	maxMethod = 24
)

// classify tells what begins with b. It is not sure as long as b could still
// become a request line (RFC 9112 3) or HTTP/2's preface.
func classify(b []byte) (k kind, sure bool) {
	if n := min(len(b), len(preface)); string(b[:n]) == preface[:n] {
		if n == len(preface) {
			return http2, true
		}
		if n > 3 { // PRI is nobody else's method
			return opaque, false
		}
	}
	i := 0
	for i < len(b) && i <= maxMethod && (b[i] >= 'A' && b[i] <= 'Z' || b[i] == '-') {
		i++
	}
	switch {
	case i == len(b) && i <= maxMethod:
		return opaque, false
	case i == 0 || i > maxMethod || b[i] != ' ':
		return opaque, true
	}
	rest := b[i+1:]
	j := bytes.IndexFunc(rest, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	switch {
	case j < 0:
		return opaque, false
	case j == 0 || rest[j] != ' ':
		return opaque, true
	}
	rest = rest[j+1:]
	for _, version := range []string{"HTTP/1.1\r\n", "HTTP/1.0\r\n"} {
		n := min(len(rest), len(version))
		if string(rest[:n]) != version[:n] {
			continue
		}
		if n == len(version) {
			return http1, true
		}
		return opaque, false
	}
	return opaque, true
}
