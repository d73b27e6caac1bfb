package dns

import (
	"encoding/binary"
	"slices"
	"sort"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	headerLen = 12

	typeIXFR = dnsmessage.Type(251)

	rcodeBadVersion = dnsmessage.RCode(16) // RFC 6891 section 6.1.3
)

// A message is one DNS message with at most one question, taken apart as far as
// dnsmessage can. A record that it cannot hold is missing here and still in raw.
type message struct {
	dnsmessage.Message
	opt *dnsmessage.Resource // with OPTResource; not in Additionals; nil: no EDNS

	raw         []byte // the message as it came; nil when it is ours or was changed
	lost        bool   // a record of raw is missing
	lostAnswers bool   // an answer is
}

// parseMessage takes msg apart and keeps it as raw. Octets behind the last record
// are not looked at, and one with TC may end anywhere behind the question. A
// message with several questions or several OPT records is malformed (RFC 9619;
// RFC 6891 section 6.1.1).
func parseMessage(msg []byte) (*message, error) {
	m := &message{raw: msg}
	var p dnsmessage.Parser
	var err error
	if m.Header, err = p.Start(msg); err != nil || len(msg) > maxMessage {
		return nil, errMalformed
	}
	if m.Questions, err = p.AllQuestions(); err != nil || len(m.Questions) > 1 {
		return nil, errMalformed
	}
	type parser = dnsmessage.Parser
	for i, section := range []struct {
		skip   func() error
		header func(*parser) (dnsmessage.ResourceHeader, error)
		read   func(*parser) (dnsmessage.Resource, error)
		into   *[]dnsmessage.Resource
	}{
		{p.SkipAnswer, (*parser).AnswerHeader, (*parser).Answer, &m.Answers},
		{p.SkipAuthority, (*parser).AuthorityHeader, (*parser).Authority, &m.Authorities},
		{p.SkipAdditional, (*parser).AdditionalHeader, (*parser).Additional, &m.Additionals},
	} {
		for {
			here := p
			if err := section.skip(); err == dnsmessage.ErrSectionDone {
				break
			} else if err != nil && m.Truncated {
				return m, nil
			} else if err != nil {
				return nil, errMalformed
			}
			h, err := section.header(&here)
			var r dnsmessage.Resource
			if err == nil {
				r, err = section.read(&here)
			}
			switch {
			case h.Type == dnsmessage.TypeOPT:
				if err != nil || m.opt != nil || i < 2 || h.Name != rootName {
					return nil, errMalformed
				}
				m.opt = &r
			case err != nil || !movable(h):
				m.lost = true
				m.lostAnswers = m.lostAnswers || i == 0
			default:
				*section.into = append(*section.into, r)
			}
		}
	}
	return m, nil
}

// movable reports whether dnsmessage knows enough of the RDATA to move it to
// another message. It reads addresses whatever their length is, and takes the
// names in MD, MF, MB, MG, MR and MINFO, which may be compressed (RFC 3597 section
// 4), for plain octets.
func movable(h dnsmessage.ResourceHeader) bool {
	switch h.Type {
	case dnsmessage.TypeA:
		return h.Length == 4
	case dnsmessage.TypeAAAA:
		return h.Length == 16
	case 3, 4, 7, 8, 9, dnsmessage.TypeMINFO:
		return false
	}
	return true
}

// pack gives the message in at most limit octets, and as it came, but for the
// ID, if it fits and was not changed. Otherwise records that do not fit are left
// out from the end, with TC set when an answer or an authority is missing (RFC
// 2181 section 9) or dnsmessage could not hold a record; the OPT record always
// stays.
func (m *message) pack(limit int) []byte {
	if m.raw != nil && len(m.raw) <= limit {
		binary.BigEndian.PutUint16(m.raw, m.ID)
		return m.raw
	}
	total := len(m.Answers) + len(m.Authorities) + len(m.Additionals)
	b := m.packFirst(total)
	if len(b) > limit {
		n := sort.Search(total, func(n int) bool { return len(m.packFirst(n+1)) > limit })
		b = m.packFirst(n)
	}
	return b
}

// packFirst packs the first n records.
func (m *message) packFirst(n int) []byte {
	cut := *m
	cut.Truncated = m.Truncated || m.lost
	for i, records := range []*[]dnsmessage.Resource{&cut.Answers, &cut.Authorities, &cut.Additionals} {
		fit := min(n, len(*records))
		cut.Truncated = cut.Truncated || i < 2 && fit < len(*records)
		*records, n = (*records)[:fit], n-fit
	}
	if m.opt != nil {
		cut.Additionals = append(slices.Clip(cut.Additionals), *m.opt)
	}
	b, err := cut.Pack()
	if err != nil {
		panic("dns: " + err.Error()) // what dnsmessage has read or newName has checked
	}
	return b
}

// reply begins the response to m: same ID, question, opcode, RD and CD, and EDNS
// when m has it (RFC 6891 section 6.1.1).
func (m *message) reply(code dnsmessage.RCode) *message {
	r := &message{}
	r.Header = dnsmessage.Header{
		ID: m.ID, Response: true, OpCode: m.OpCode, RecursionAvailable: true,
		RecursionDesired: m.RecursionDesired, CheckingDisabled: m.CheckingDisabled,
	}
	r.Questions = m.Questions
	if m.opt != nil {
		r.opt = newOPT(m.opt.Header.DNSSECAllowed())
	}
	r.setRCode(code)
	return r
}

// rcode is the response code with the upper bits that EDNS has for it.
func (m *message) rcode() dnsmessage.RCode {
	if m.opt == nil {
		return m.RCode
	}
	return m.opt.Header.ExtendedRCode(m.RCode)
}

func (m *message) setRCode(code dnsmessage.RCode) {
	if m.opt != nil {
		m.opt.Header.SetEDNS0(advertiseUDP, code, m.opt.Header.DNSSECAllowed())
	} else if code > 0xf {
		code = dnsmessage.RCodeServerFailure // no place for the upper bits
	}
	m.RCode = code & 0xf
}
