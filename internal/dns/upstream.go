package dns

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/dns/dnsmessage"
)

// ask gets the answer to one question from the name servers: in each round every
// server once, and as many rounds as attempts says. NXDOMAIN and no data are
// answers, and end it; anything else makes it go on. The error is about the last
// server tried.
func (r *Resolver) ask(ctx context.Context, conf *resolvConf, q *message, qu dnsmessage.Question) (*message, error) {
	first := 0
	if conf.rotate {
		first = int(r.rotate.Add(1)-1) % len(conf.servers)
	}
	var last error
	for range conf.attempts {
		for i := range conf.servers {
			server := conf.servers[(first+i)%len(conf.servers)]
			resp, err := r.askServer(ctx, conf, server, q, qu)
			if err == nil {
				return resp, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			last = err
		}
	}
	return nil, last
}

// askServer asks one server, by UDP and when the answer is truncated by TCP, each
// within the timeout. A server that does not know EDNS is asked again without
// (RFC 6891 section 7).
func (r *Resolver) askServer(ctx context.Context, conf *resolvConf, server netip.Addr, q *message, qu dnsmessage.Question) (*message, error) {
	edns := q.opt != nil
	for {
		resp, err := r.roundTrip(ctx, conf, server, upstreamQuery(q, qu, edns))
		if err != nil {
			return nil, networkError(server, err)
		}
		switch code := resp.rcode(); {
		case edns && (code == dnsmessage.RCodeFormatError || code == dnsmessage.RCodeNotImplemented || code == rcodeBadVersion):
			edns = false
		case code == dnsmessage.RCodeNameError:
			return resp, nil
		case code != dnsmessage.RCodeSuccess:
			return nil, serverError(server, resp)
		case resp.lame():
			return nil, &ResolverError{Kind: ErrServer, RCode: dnsmessage.RCodeServerFailure,
				Text: "no answer and no recursion from " + server.String()}
		default:
			return resp, nil
		}
	}
}

// upstreamQuery is what goes to a name server: RD, CD, AD and DO are those of q.
func upstreamQuery(q *message, qu dnsmessage.Question, edns bool) *message {
	m := &message{}
	m.RecursionDesired, m.CheckingDisabled, m.AuthenticData = q.RecursionDesired, q.CheckingDisabled, q.AuthenticData
	m.Questions = []dnsmessage.Question{qu}
	if edns {
		m.opt = newOPT(q.opt.Header.DNSSECAllowed())
	}
	return m
}

// lame reports an answer that only says to ask elsewhere; glibc and Go ask the
// next server then (golang.org/issue/15434).
func (m *message) lame() bool {
	return !m.Authoritative && !m.RecursionAvailable &&
		!m.hasAnswers() && len(m.Additionals) == 0 && m.opt == nil
}

func serverError(server netip.Addr, resp *message) error {
	e := &ResolverError{Kind: ErrServer, RCode: resp.rcode()}
	e.Text = rcodeString(e.RCode) + " from " + server.String()
	if _, text, ok := resp.extendedError(); ok && text != "" {
		e.Text += ": " + text
	}
	return e
}

func networkError(server netip.Addr, err error) error {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return &ResolverError{Kind: ErrTimeout, Text: "timeout asking " + server.String(), Cause: err}
	}
	if errors.Is(err, errMalformed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &ResolverError{Kind: ErrServer, RCode: dnsmessage.RCodeServerFailure,
			Text: "malformed answer from " + server.String(), Cause: err}
	}
	why := err
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		why = errno // without the socket's addresses
	}
	return &ResolverError{Kind: ErrUnreachable, Text: "asking " + server.String() + ": " + why.Error(), Cause: err}
}
