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
			limit = min(max(int(q.opt.Header.Class), minUDP), maxUDP)
		}
	}
	switch {
	case q.Response:
		return nil, nil // answering answers makes loops
	case q.OpCode != 0:
		return q.reply(dnsmessage.RCodeNotImplemented).pack(limit), nil
	case len(q.Questions) == 0:
		return q.reply(dnsmessage.RCodeFormatError).pack(limit), nil
	case q.Questions[0].Type == dnsmessage.TypeAXFR, q.Questions[0].Type == typeIXFR:
		return q.reply(dnsmessage.RCodeNotImplemented).pack(limit), nil
	case q.opt != nil && uint8(q.opt.Header.TTL>>16) != 0: // EDNS version
		return q.reply(rcodeBadVersion).pack(limit), nil
	}
	select {
	case p.slots <- struct{}{}:
	default:
		return q.failure(errBusy).pack(limit), nil
	}
	return nil, func(ctx context.Context) []byte {
		defer func() { <-p.slots }()
		return p.answer(ctx, q, query).pack(limit)
	}
}

func (p *responder) answer(ctx context.Context, q *message, query []byte) *message {
	b, err := p.exchange(ctx, query)
	if err != nil {
		return q.failure(err)
	}
	resp, err := parseMessage(b)
	if err != nil || !resp.Response {
		return q.failure(errMalformed)
	}
	resp.ID = q.ID
	resp.adoptEDNS(q)
	return resp
}

// formatError answers what cannot be parsed with nothing but a header, or not at
// all when there is not even that, or it says that it is a response.
func formatError(query []byte) []byte {
	m := &message{}
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	m.ID = h.ID
	return m.reply(dnsmessage.RCodeFormatError).pack(minUDP)
}
