package dns

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// rootName is the name without labels. A dnsmessage.Name is text without escapes
// and with a dot at its end, so that no label can hold a dot.
var rootName = dnsmessage.MustNewName(".")

// maxName is how long such a text may be: 255 octets on the wire.
const maxName = 254

// escape is a backslash and what it quotes, nothing where that is wrong.
var escape = regexp.MustCompile(`(?s)\\(\d{3}|\D|)`)

// CheckName tells what is wrong with a name that people typed, without asking
// anyone: nil, or a *LookupError that wraps ErrBadName.
func CheckName(name string) error {
	if _, err := newName(name); err != nil {
		return &LookupError{Name: name, Err: err}
	}
	return nil
}

// newName reads the text form of a name (RFC 1035 section 5.1: a backslash
// quotes the next character, or the octet with the three decimal digits that
// follow). A dot at the end makes no difference here.
func newName(s string) (dnsmessage.Name, error) {
	why := ""
	text := escape.ReplaceAllStringFunc(s, func(quoted string) string {
		quoted = quoted[1:]
		switch octet, err := strconv.ParseUint(quoted, 10, 8); {
		case err == nil:
			quoted = string([]byte{byte(octet)})
		case quoted == "" || '0' <= quoted[0] && quoted[0] <= '9':
			why = "bad escape"
		}
		if quoted == "." {
			why = "a label with a dot in it"
		}
		return quoted
	})
	text = strings.TrimSuffix(text, ".")
	for label := range strings.SplitSeq(text, ".") {
		switch {
		case why != "" || s == ".":
		case s == "":
			why = "it is empty"
		case label == "":
			why = "empty label"
		case len(label) > 63:
			why = "a label is longer than 63 octets"
		case len(text) >= maxName:
			why = "it is longer than 255 octets"
		}
	}
	if why != "" {
		return dnsmessage.Name{}, fmt.Errorf("%w: %q: %s", ErrBadName, s, why)
	}
	return dnsmessage.NewName(text + ".")
}

// nameString is n escaped so that it is one printable word and newName reads it
// back.
func nameString(n dnsmessage.Name) string {
	var sb strings.Builder
	for _, c := range n.Data[:n.Length] {
		switch {
		case c == '\\':
			sb.WriteString(`\\`)
		case c <= ' ' || c >= 0x7f:
			fmt.Fprintf(&sb, `\%03d`, c)
		default:
			sb.WriteByte(c)
		}
	}
	return sb.String()
}

// join puts suffix behind n and reports whether the result is short enough to
// be a name.
func join(n, suffix dnsmessage.Name) (dnsmessage.Name, bool) {
	if suffix == rootName {
		return n, true
	}
	text := n.String() + suffix.String()
	joined, err := dnsmessage.NewName(text)
	return joined, err == nil && len(text) <= maxName
}

// fold is n with ASCII letters in lower case (RFC 4343): equal names have equal
// folds.
func fold(n dnsmessage.Name) string {
	for i, c := range n.Data[:n.Length] {
		if 'A' <= c && c <= 'Z' {
			n.Data[i] = c + 'a' - 'A'
		}
	}
	return n.String()
}
