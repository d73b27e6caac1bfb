package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// An Answer holds the records found for a name, at least one, in the order of the
// response.
type Answer struct {
	Name    string // as asked
	Records []Record
}

// Lookup asks for the records of one type and follows the CNAMEs in the answer.
// A name with a dot at its end is taken as it is; any other goes through the
// pod's search list, if exchange ends at a [Resolver] that searches. An IP address
// stands for its in-addr.arpa or ip6.arpa name with type PTR, and for itself,
// without a query, with A and AAAA.
//
// Errors are a *LookupError.
func Lookup(ctx context.Context, exchange ExchangeFunc, name string, typ dnsmessage.Type) (Answer, error) {
	records, err := lookup(ctx, exchange, name, typ)
	if err != nil {
		return Answer{}, &LookupError{Name: name, Err: err}
	}
	return Answer{Name: name, Records: records}, nil
}

// LookupHost gives the addresses of a name. network is "ip" for both families,
// "ip4" or "ip6". With "ip", A and AAAA are asked for at the same time and the A
// records come first; an answer of either type is enough. Otherwise as [Lookup].
func LookupHost(ctx context.Context, exchange ExchangeFunc, name, network string) (Answer, error) {
	switch network {
	case "ip":
	case "ip4":
		return Lookup(ctx, exchange, name, dnsmessage.TypeA)
	case "ip6":
		return Lookup(ctx, exchange, name, dnsmessage.TypeAAAA)
	default:
		return Answer{}, &LookupError{Name: name, Err: fmt.Errorf("unknown network %q", network)}
	}
	var v4, v6 []Record
	var err4, err6 error
	var wg sync.WaitGroup
	wg.Go(func() { v6, err6 = lookup(ctx, exchange, name, dnsmessage.TypeAAAA) })
	v4, err4 = lookup(ctx, exchange, name, dnsmessage.TypeA)
	wg.Wait()
	if records := append(v4, v6...); len(records) > 0 {
		return Answer{Name: name, Records: records}, nil
	}
	return Answer{}, &LookupError{Name: name, Err: worse(err4, err6)}
}

// worse is the error to show of two: a failure, after which nothing is known,
// before no data, and that before NXDOMAIN.
func worse(a, b error) error {
	rank := func(err error) int {
		switch {
		case errors.Is(err, ErrNotExist):
			return 0
		case errors.Is(err, ErrNoData):
			return 1
		}
		return 2
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func lookup(ctx context.Context, exchange ExchangeFunc, name string, typ dnsmessage.Type) ([]Record, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		switch {
		case typ == dnsmessage.TypePTR:
			name = reverseName(addr)
		case typ == dnsmessage.TypeA || typ == dnsmessage.TypeAAAA:
			if addr.Is4() != (typ == dnsmessage.TypeA) {
				return nil, ErrNoData
			}
			return []Record{{Name: name, Type: typeString(typ), Data: addr.String()}}, nil
		}
	}
	n, err := newName(name)
	if err != nil {
		return nil, err
	}
	q := newQuery(n, typ, strings.HasSuffix(name, "."))
	b, err := exchange(ctx, q.pack(maxMessage))
	if err != nil {
		return nil, err
	}
	resp, err := parseMessage(b)
	if err != nil || !resp.isResponseTo(q) {
		return nil, errMalformed
	}
	switch resp.rcode() {
	case dnsmessage.RCodeSuccess:
		return resp.find(n, typ)
	case dnsmessage.RCodeNameError:
		return nil, ErrNotExist
	}
	return nil, resp.resolverError()
}

// newQuery makes a query with ID 0, which a [Client] replaces, and with EDNS, so
// that an extended error can come back.
func newQuery(n dnsmessage.Name, typ dnsmessage.Type, absolute bool) *message {
	q := &message{opt: newOPT(false)}
	q.RecursionDesired = true
	q.Questions = []dnsmessage.Question{{Name: n, Type: typ, Class: dnsmessage.ClassINET}}
	if absolute {
		q.opt = newOPT(false, dnsmessage.Option{Code: optionAbsolute})
	}
	return q
}

// find gives the records of typ at the end of the CNAMEs that begin at n.
func (m *message) find(n dnsmessage.Name, typ dnsmessage.Type) ([]Record, error) {
	var found []Record
	for range maxChain {
		var next *dnsmessage.Name
		for _, r := range m.Answers {
			if r.Header.Class != dnsmessage.ClassINET || fold(r.Header.Name) != fold(n) {
				continue
			}
			if r.Header.Type == typ {
				found = append(found, newRecord(r))
			} else if alias, ok := r.Body.(*dnsmessage.CNAMEResource); ok {
				next = &alias.CNAME
			}
		}
		if len(found) > 0 || next == nil {
			break
		}
		n = *next
	}
	switch {
	case len(found) > 0:
		return found, nil
	case m.lostAnswers:
		return nil, errUnreadable
	}
	return nil, ErrNoData
}
