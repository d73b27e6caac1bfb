package mirrord

import (
	"regexp"
	"strings"

	"github.com/fwdtools/fwd/pkg/wire"
)

// readPath reads an expression that must find something, whatever the case, in
// the path alone or in the path with its query. The wire only knows the second.
func readPath(path string, v any) (wire.Filter, error) {
	s, err := readText(path, v)
	f := wire.Filter{Path: "(?i)" + s}
	if looksAhead.MatchString(s) {
		f = wire.Filter{Any: []wire.Filter{f, {Path: "(?i)" + alone(s)}}}
	}
	return checked(path, f, err)
}

// looksAhead finds what may see where the text ends. Whatever an expression
// without it finds in a path, it finds in the path with a query too.
var looksAhead = regexp.MustCompile(`\$|\\[zZ]|\(\?[=!>(]|[*+?}]\+`)

const (
	pathEnd = `(?=\?|\z)`    // here the path ends
	inPath  = `(?<=\A[^?]*)` // here the path has not ended
	token   = `\\(?s:.)`     // an escaped character
	class   = `\[\^?\]?(?:\\(?s:.)|[^\]\\])*\]`
	group   = `\((?:\?[=!])?`
)

var tokens = regexp.MustCompile(token + `|` + class + `|` + group + `|[)$]`)

// alone rewrites an expression so that it finds in path and query what s finds
// in the path alone: it ends there, as does what it looks ahead for.
func alone(s string) string {
	var open []bool // of each group that is open: does it look ahead
	s = tokens.ReplaceAllStringFunc(s, func(t string) string {
		switch {
		case t == "$", strings.EqualFold(t, `\z`):
			return pathEnd
		case t[0] == '(':
			open = append(open, len(t) > 1)
			if len(t) > 1 {
				return t + "(?:"
			}
		case t == ")" && len(open) > 0:
			ahead := open[len(open)-1]
			open = open[:len(open)-1]
			if ahead {
				return ")" + inPath + ")"
			}
		}
		return t
	})
	return "(?:" + s + ")" + inPath
}
