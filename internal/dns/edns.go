package dns

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode"

	"golang.org/x/net/dns/dnsmessage"
)

// EDNS option codes.
const (
	optionEDE = 15 // RFC 8914
	// optionAbsolute asks the pod's Resolver to take the name as it is, without
	// the search list: on the wire a name has no final dot that could say so. The
	// code is from the range for local use (RFC 6891 section 9) and never goes to
	// a name server.
	optionAbsolute = 65301
)

// Extended DNS error codes, RFC 8914 section 4.
const (
	edeOther        = 0
	edeNoReachable  = 22 // we use it for ErrTimeout
	edeNetworkError = 23 // and this for ErrUnreachable
	edeInvalidData  = 24
)

// newOPT makes an OPT record of EDNS version 0.
func newOPT(dnssecOK bool, options ...dnsmessage.Option) *dnsmessage.Resource {
	r := &dnsmessage.Resource{Body: &dnsmessage.OPTResource{Options: options}}
	r.Header.SetEDNS0(advertiseUDP, dnsmessage.RCodeSuccess, dnssecOK)
	return r
}

// option returns the data of the first EDNS option with the code.
func (m *message) option(code uint16) (data []byte, ok bool) {
	if m.opt == nil {
		return nil, false
	}
	for _, o := range m.opt.Body.(*dnsmessage.OPTResource).Options {
		if o.Code == code {
			return o.Data, true
		}
	}
	return nil, false
}

// extendedError is the extended DNS error in m, if any.
func (m *message) extendedError() (code uint16, text string, ok bool) {
	data, ok := m.option(optionEDE)
	if !ok || len(data) < 2 {
		return 0, "", false
	}
	return binary.BigEndian.Uint16(data), printable(string(data[2:])), true
}

// printable makes text from the network fit for a terminal and for one option.
func printable(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, text[:min(len(text), maxEDEText)])
	return strings.ReplaceAll(text, string(unicode.ReplacementChar), "")
}

// failure makes the response to m that says err: the server's own response code
// or else SERVFAIL, and in an extended error the kind and the sentence.
func (m *message) failure(err error) *message {
	code, ede := dnsmessage.RCodeServerFailure, uint16(edeOther)
	var re *ResolverError
	switch {
	case errors.As(err, &re) && re.Kind == ErrServer:
		code = re.RCode
	case errors.Is(err, ErrTimeout):
		ede = edeNoReachable
	case errors.Is(err, ErrUnreachable):
		ede = edeNetworkError
	case errors.Is(err, errMalformed):
		ede = edeInvalidData
	}
	r := m.reply(code)
	r.explain(ede, err.Error())
	return r
}

// explain puts an extended error into m, if m has EDNS.
func (m *message) explain(code uint16, text string) {
	if m.opt != nil {
		data := append(binary.BigEndian.AppendUint16(nil, code), printable(text)...)
		m.opt.Body = &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: optionEDE, Data: data}}}
	}
}

// resolverError is the inverse of failure, for a response that is neither
// NOERROR nor NXDOMAIN.
func (m *message) resolverError() *ResolverError {
	e := &ResolverError{Kind: ErrServer, RCode: m.rcode()}
	ede, text, ok := m.extendedError()
	if !ok {
		return e
	}
	e.Text = text
	if e.RCode == dnsmessage.RCodeServerFailure {
		switch ede {
		case edeNoReachable:
			e.Kind = ErrTimeout
		case edeNetworkError:
			e.Kind = ErrUnreachable
		}
	}
	return e
}

// adoptEDNS gives m, a name server's response, an OPT record exactly when q has
// one, with nothing but the extended error of the one that m had. That is a
// change only if one of the two has none, and even then m stays as it came if
// dnsmessage cannot hold all of it.
func (m *message) adoptEDNS(q *message) {
	if (m.opt == nil) != (q.opt == nil) && !m.lost {
		m.raw = nil
	}
	code := m.rcode()
	ede, text, failed := m.extendedError()
	m.opt = nil
	if q.opt != nil {
		m.opt = newOPT(q.opt.Header.DNSSECAllowed())
	}
	if failed {
		m.explain(ede, text)
	}
	m.setRCode(code)
}
