package dns

import (
	"cmp"
	"context"
	"errors"

	"golang.org/x/net/dns/dnsmessage"
)

type askFunc func(ctx context.Context, n dnsmessage.Name, typ dnsmessage.Type) (*message, error)

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
		resp, err := ask(ctx, c.name, q.Questions[0].Type)
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
		case resp.hasAnswers():
			return resp.answering(q), nil
		default:
			if noData == nil {
				noData = resp.answering(q)
			}
			if i < len(names)-1 && otherFamilyExists(ctx, c.name, q.Questions[0].Type, ask) {
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
func otherFamilyExists(ctx context.Context, n dnsmessage.Name, typ dnsmessage.Type, ask askFunc) bool {
	switch typ {
	case dnsmessage.TypeA:
		typ = dnsmessage.TypeAAAA
	case dnsmessage.TypeAAAA:
		typ = dnsmessage.TypeA
	default:
		return false
	}
	resp, err := ask(ctx, n, typ)
	return err == nil && resp.rcode() == dnsmessage.RCodeSuccess && resp.hasAnswers()
}

// answering turns a name server's response, which it changes, into the response
// to q. That to the name asked for stays as it came. That to an expanded name is
// explained; records of it that dnsmessage cannot hold are left out, with TC, and
// it is a failure when that leaves no answer.
func (m *message) answering(q *message) *message {
	expanded, asked := m.Questions[0].Name, q.Questions[0]
	m.ID = q.ID
	m.adoptEDNS(q)
	if fold(expanded) == fold(asked.Name) {
		return m
	}
	if m.lostAnswers && len(m.Answers) == 0 {
		return q.failure(errUnreadable)
	}
	m.raw, m.Questions = nil, q.Questions
	m.Authoritative, m.AuthenticData = false, false // the name asked for is not theirs
	if asked.Type == dnsmessage.TypeCNAME {
		for i, r := range m.Answers {
			if fold(r.Header.Name) == fold(expanded) {
				m.Answers[i].Header.Name = asked.Name
			}
		}
		return m
	}
	alias := dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: asked.Class},
		Body:   &dnsmessage.CNAMEResource{CNAME: expanded},
	}
	for i, r := range m.Answers {
		if i == 0 || r.Header.TTL < alias.Header.TTL {
			alias.Header.TTL = r.Header.TTL
		}
	}
	m.Answers = append([]dnsmessage.Resource{alias}, m.Answers...)
	return m
}

func (m *message) hasAnswers() bool { return len(m.Answers) > 0 || m.lostAnswers }
