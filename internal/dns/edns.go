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

type option struct {
	code uint16
	data string
}

// An opt is the OPT pseudo record of EDNS version 0, RFC 6891 section 6.1.
type opt struct {
	size          uint16 // UDP payload that its sender takes
	extendedRCode uint8
	version       uint8
	dnssecOK      bool // RFC 3225
	options       []option
}

func parseOPT(r record) (*opt, error) {
	o := &opt{
		size:          uint16(r.class),
		extendedRCode: uint8(r.ttl >> 24),
		version:       uint8(r.ttl >> 16),
		dnssecOK:      r.ttl&(1<<15) != 0,
	}
	for b := []byte(r.data); len(b) > 0; {
		if len(b) < 4 {
			return nil, errMalformed
		}
		end := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < end {
			return nil, errMalformed
		}
		o.options = append(o.options, option{binary.BigEndian.Uint16(b), string(b[4:end])})
		b = b[end:]
	}
	return o, nil
}

// append appends the record, or nothing when o is nil.
func (o *opt) append(b []byte) []byte {
	if o == nil {
		return b
	}
	b = append(b, 0, byte(typeOPT>>8), byte(typeOPT))
	b = binary.BigEndian.AppendUint16(b, o.size)
	ttl := uint32(o.extendedRCode)<<24 | uint32(o.version)<<16
	if o.dnssecOK {
		ttl |= 1 << 15
	}
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = append(b, 0, 0)
	start := len(b)
	for _, opt := range o.options {
		b = binary.BigEndian.AppendUint16(b, opt.code)
		b = binary.BigEndian.AppendUint16(b, uint16(len(opt.data)))
		b = append(b, opt.data...)
	}
	binary.BigEndian.PutUint16(b[start-2:], uint16(len(b)-start))
	return b
}

// find returns the data of the first option with the code.
func (o *opt) find(code uint16) (data string, ok bool) {
	if o == nil {
		return "", false
	}
	for _, opt := range o.options {
		if opt.code == code {
			return opt.data, true
		}
	}
	return "", false
}

// extendedError is the extended DNS error in o, if any.
func (o *opt) extendedError() (code uint16, text string, ok bool) {
	data, ok := o.find(optionEDE)
	if !ok || len(data) < 2 {
		return 0, "", false
	}
	return binary.BigEndian.Uint16([]byte(data)), printable(data[2:]), true
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
	if r.opt != nil {
		r.opt.options = []option{edeOption(ede, err.Error())}
	}
	return r
}

func edeOption(code uint16, text string) option {
	return option{optionEDE, string(binary.BigEndian.AppendUint16(nil, code)) + printable(text)}
}

// resolverError is the inverse of failure, for a response that is neither
// NOERROR nor NXDOMAIN.
func (m *message) resolverError() *ResolverError {
	e := &ResolverError{Kind: ErrServer, RCode: m.rcode()}
	ede, text, ok := m.opt.extendedError()
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
