package dns

import (
	"errors"
	"fmt"

	"golang.org/x/net/dns/dnsmessage"
)

// The reasons for which a lookup has no records. Test with errors.Is.
var (
	// ErrNotExist: every name that the resolver tried is NXDOMAIN.
	ErrNotExist = errors.New("no such name")
	// ErrNoData: the name exists and has no record of the type asked for.
	ErrNoData = errors.New("the name has no record of this type")
	// ErrTimeout: no name server answered in time.
	ErrTimeout = errors.New("timeout")
	// ErrUnreachable: no name server could be reached, as when the port is
	// closed or there is no route.
	ErrUnreachable = errors.New("name server unreachable")
	// ErrServer: a name server answered that it could not or would not, as with
	// SERVFAIL or REFUSED.
	ErrServer = errors.New("name server failed")

	// ErrBadName: the text is not a domain name. Nothing was asked.
	ErrBadName = errors.New("not a domain name")
)

// errMalformed is what every parser of network bytes returns.
var errMalformed = errors.New("malformed DNS message")

// errUnreadable: there are answers, but none that dnsmessage can hold.
var errUnreadable = fmt.Errorf("%w: no record of the answer can be read", errMalformed)

// A ResolverError says why the pod's resolver has no answer. It keeps its kind
// and its sentence on the way from the pod to the laptop (as an extended DNS
// error, RFC 8914), but not its Cause.
type ResolverError struct {
	Kind  error            // ErrTimeout, ErrUnreachable or ErrServer
	RCode dnsmessage.RCode // with ErrServer, what the server said
	Text  string           // the whole sentence, as "timeout asking 10.96.0.10"
	Cause error            // the error below, such as ECONNREFUSED; may be nil
}

func (e *ResolverError) Error() string {
	if e.Text != "" {
		return e.Text
	}
	if e.Kind == ErrServer {
		return fmt.Sprintf("%v: %s", e.Kind, rcodeString(e.RCode))
	}
	return e.Kind.Error()
}

// Unwrap lets errors.Is find the kind and the cause.
func (e *ResolverError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Timeout reports whether the kind is ErrTimeout, as in net.Error.
func (e *ResolverError) Timeout() bool { return e.Kind == ErrTimeout }

// A LookupError says for which name [Lookup] or [LookupHost] failed. Err is or
// wraps ErrNotExist, ErrNoData, ErrBadName, a *ResolverError, or the error of
// the exchange itself, such as the end of a session.
type LookupError struct {
	Name string // as asked
	Err  error
}

func (e *LookupError) Error() string { return fmt.Sprintf("resolve %s: %v", e.Name, e.Err) }

func (e *LookupError) Unwrap() error { return e.Err }

// rcodeString names a response code as dig does.
func rcodeString(c dnsmessage.RCode) string {
	names := map[dnsmessage.RCode]string{
		0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
		6: "YXDOMAIN", 9: "NOTAUTH", 16: "BADVERS",
	}
	if s, ok := names[c]; ok {
		return s
	}
	return fmt.Sprintf("RCODE%d", c)
}
