package dns

import (
	"context"
	"errors"

	"golang.org/x/net/dns/dnsmessage"
)

// A responder turns queries from the network into responses with the help of an
// exchange, which it calls for well-formed queries only. It bounds the calls under
// way. Safe for concurrent use.
type responder struct {
	exchange ExchangeFunc
	slots    chan struct{} // holds one value per call under way
}

func newResponder(exchange ExchangeFunc) *responder {
	return &responder{exchange: exchange, slots: make(chan struct{}, maxInFlight)}
}

var errBusy = errors.New("too many queries at once")

// A work is what is left to do for a query. It gives the response in at most
// limit octets and must be called exactly once.
type work func(ctx context.Context) (response []byte)

// begin looks at one query without blocking. limit is the size of a response for
// this transport; by UDP the client's EDNS size lowers it. It returns a response
// that needs no exchange, or else the work to do, or neither for what must not
// be answered.
func (p *responder) begin(query []byte, udp bool) (response []byte, todo work) {
	q, err := parseMessage(query)
	if err != nil {
		return formatError(query), nil
	}
	limit := maxMessage
	if udp {
		limit = minUDP
		if q.opt != nil {
			limit = min(max(int(q.opt.size), minUDP), maxUDP)
		}
	}
	switch {
	case q.flags&flagResponse != 0:
		return nil, nil // answering answers makes loops
	case q.flags&maskOpcode != 0, q.question.typ == typeAXFR, q.question.typ == typeIXFR:
		return q.reply(dnsmessage.RCodeNotImplemented).append(nil, limit), nil
	case q.noQuestion:
		return q.reply(dnsmessage.RCodeFormatError).append(nil, limit), nil
	case q.opt != nil && q.opt.version != 0:
		return q.reply(16).append(nil, limit), nil // BADVERS, RFC 6891 section 6.1.3
	}
	select {
	case p.slots <- struct{}{}:
	default:
		return q.failure(errBusy).append(nil, limit), nil
	}
	return nil, func(ctx context.Context) []byte {
		defer func() { <-p.slots }()
		return p.answer(ctx, q, query).append(nil, limit)
	}
}

func (p *responder) answer(ctx context.Context, q *message, query []byte) *message {
	b, err := p.exchange(ctx, query)
	if err != nil {
		return q.failure(err)
	}
	resp, err := parseMessage(b)
	if err != nil || resp.flags&flagResponse == 0 {
		return q.failure(errMalformed)
	}
	resp.id = q.id
	resp.adoptEDNS(q)
	return resp
}

// formatError answers what cannot be parsed with nothing but a header, or not at
// all when there is not even that, or it says that it is a response.
func formatError(query []byte) []byte {
	if len(query) < headerLen || query[2]&(flagResponse>>8) != 0 {
		return nil
	}
	m := &message{id: uint16(query[0])<<8 | uint16(query[1]), noQuestion: true}
	return m.reply(dnsmessage.RCodeFormatError).append(nil, minUDP)
}
