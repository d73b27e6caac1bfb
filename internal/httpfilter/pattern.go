package httpfilter

import (
	"fmt"
	"regexp"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTime bounds an expression that looks around, which package regexp has
// not: such ones may take exponential time. A request for which one takes longer
// is not meant, whatever the rest of the filter says.
const matchTime = 50 * time.Millisecond

// pattern tells whether it finds something in s, which is part of r.
type pattern func(r *Request, s string) bool

// newPattern makes a pattern of a regular expression: in the language of
// package regexp or, if it is none there, of Perl.
func newPattern(expr string) (pattern, error) {
	re, err := regexp.Compile(expr)
	if err == nil {
		return func(_ *Request, s string) bool { return re.MatchString(s) }, nil
	}
	perl, perlErr := regexp2.Compile(expr)
	if perlErr != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	perl.MatchTimeout = matchTime
	return func(r *Request, s string) bool {
		found, err := perl.MatchString(s)
		if err != nil {
			r.undecided = true
		}
		return found
	}, nil
}
