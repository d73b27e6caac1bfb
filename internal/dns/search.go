package dns

import (
	"cmp"
	"context"
	"errors"

	"golang.org/x/net/dns/dnsmessage"
)

type askFunc func(ctx context.Context, n wireName, typ dnsmessage.Type) (*message, error)

// searchNames asks for one name after the other until one has an answer, and
// returns the response to q. It goes on and stops as glibc's res_search does:
//
//   - An answer ends the search.
//   - NXDOMAIN and no data: the next name. (Go's resolver does the same; musl
//     stops at no data.) But getaddrinfo asks for A and AAAA at once and stops
//     when either is there, so after no data for one of the two the other is
//     asked for, and when it is there, no data is the answer. Without this, AAAA
//     of a name with only A addresses could come from another domain than A.
//   - A server failure such as SERVFAIL: the next name.
//   - No server reachable: the end, with that error.
//   - A timeout below a search domain: no more domains, only the name as it is, if
//     not tried yet.
//
// When none has an answer, the result is no data if any name had that, else the
// first failure if there was one, and NXDOMAIN only if every name was NXDOMAIN.
func searchNames(ctx context.Context, q *message, names []candidate, ask askFunc) (*message, error) {
	var noData, nxDomain *message
	var failure error
	onlyAsIs := false
	for i, c := range names {
		if onlyAsIs && !c.asIs {
			continue
		}
		resp, err := ask(ctx, c.name, q.question.typ)
		switch {
		case ctx.Err() != nil && err != nil, errors.Is(err, ErrUnreachable):
			return nil, err
		case err != nil:
			failure = cmp.Or(failure, err)
			onlyAsIs = onlyAsIs || !c.asIs && !errors.Is(err, ErrServer)
		case resp.rcode() == dnsmessage.RCodeNameError:
			if c.asIs {
				nxDomain = resp.answering(q)
			}
		case len(resp.answers) > 0:
			return resp.answering(q), nil
		default:
			if noData == nil {
				noData = resp.answering(q)
			}
			if i < len(names)-1 && otherFamilyExists(ctx, c.name, q.question.typ, ask) {
				return resp.answering(q), nil
			}
		}
	}
	switch {
	case noData != nil:
		return noData, nil
	case failure != nil:
		return nil, failure
	case nxDomain != nil:
		return nxDomain, nil
	}
	return q.reply(dnsmessage.RCodeNameError), nil // no-tld-query
}

// otherFamilyExists reports whether n has AAAA when typ is A, or A when it is
// AAAA. A failure counts as no.
func otherFamilyExists(ctx context.Context, n wireName, typ dnsmessage.Type, ask askFunc) bool {
	switch typ {
	case dnsmessage.TypeA:
		typ = dnsmessage.TypeAAAA
	case dnsmessage.TypeAAAA:
		typ = dnsmessage.TypeA
	default:
		return false
	}
	resp, err := ask(ctx, n, typ)
	return err == nil && resp.rcode() == dnsmessage.RCodeSuccess && len(resp.answers) > 0
}

// answering turns a name server's response, which it changes, into the response
// to q: ID, question and EDNS are q's, and an expanded name is explained.
func (m *message) answering(q *message) *message {
	expanded := m.question.name
	m.id, m.question = q.id, q.question
	m.flags = m.flags&^(flagRecursionWant|flagNoCheck) | q.flags&(flagRecursionWant|flagNoCheck)
	if q.flags&flagAuthentic == 0 && (q.opt == nil || !q.opt.dnssecOK) {
		m.flags &^= flagAuthentic // RFC 6840 section 5.8
	}
	m.adoptEDNS(q)
	if expanded.equal(q.question.name) {
		return m
	}
	m.flags &^= flagAuthoritative | flagAuthentic // the name asked for is not theirs
	if q.question.typ == dnsmessage.TypeCNAME {
		for i, r := range m.answers {
			if r.name.equal(expanded) {
				m.answers[i].name = q.question.name
			}
		}
		return m
	}
	alias := record{q.question.name, dnsmessage.TypeCNAME, q.question.class, 0, string(expanded)}
	for i, r := range m.answers {
		if i == 0 || r.ttl < alias.ttl {
			alias.ttl = r.ttl
		}
	}
	m.answers = append([]record{alias}, m.answers...)
	return m
}

// adoptEDNS gives m an OPT record exactly when q has one, with nothing but the
// extended errors of the one that m had.
func (m *message) adoptEDNS(q *message) {
	code, had := m.rcode(), m.opt
	m.opt = nil
	if q.opt != nil {
		m.opt = &opt{size: advertiseUDP, dnssecOK: q.opt.dnssecOK}
		if ede, text, ok := had.extendedError(); ok {
			m.opt.options = []option{edeOption(ede, text)}
		}
	}
	m.setRCode(code)
}
