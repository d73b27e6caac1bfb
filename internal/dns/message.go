package dns

import (
	"encoding/binary"

	"golang.org/x/net/dns/dnsmessage"
)

// Bits of the second word of the header, RFC 1035 section 4.1.1 and RFC 2535
// section 6.1.
const (
	flagResponse      = 1 << 15
	flagAuthoritative = 1 << 10
	flagTruncated     = 1 << 9
	flagRecursionWant = 1 << 8
	flagRecursionHave = 1 << 7
	flagAuthentic     = 1 << 5
	flagNoCheck       = 1 << 4

	maskOpcode = 0xf << 11
	maskRCode  = 0xf

	headerLen = 12
)

const (
	typeOPT  = dnsmessage.TypeOPT
	typeIXFR = dnsmessage.Type(251)
	typeAXFR = dnsmessage.TypeAXFR
)

type question struct {
	name  wireName
	typ   dnsmessage.Type
	class dnsmessage.Class
}

func (q question) equal(p question) bool {
	return q.typ == p.typ && q.class == p.class && q.name.equal(p.name)
}

// A record has its RDATA with names uncompressed, see rdataLayout.
type record struct {
	name  wireName
	typ   dnsmessage.Type
	class dnsmessage.Class
	ttl   uint32
	data  string
}

// A message is one DNS message with at most one question. The OPT record, a
// pseudo record of the additional section, is kept apart.
type message struct {
	id          uint16
	flags       uint16
	question    question
	noQuestion  bool // as in some FORMERR responses
	answers     []record
	authorities []record
	additionals []record
	opt         *opt // nil: no EDNS
}

// rcode is the response code with the upper bits that EDNS has for it.
func (m *message) rcode() dnsmessage.RCode {
	code := dnsmessage.RCode(m.flags & maskRCode)
	if m.opt != nil {
		code |= dnsmessage.RCode(m.opt.extendedRCode) << 4
	}
	return code
}

// parseMessage takes a message apart. Octets behind the last record are not
// looked at, and one with TC may end anywhere behind the question. A message with several questions or several OPT records is
// malformed (RFC 9619; RFC 6891 section 6.1.1).
func parseMessage(msg []byte) (*message, error) {
	if len(msg) < headerLen || len(msg) > maxMessage {
		return nil, errMalformed
	}
	word := func(off int) uint16 { return binary.BigEndian.Uint16(msg[off:]) }
	m := &message{id: word(0), flags: word(2), noQuestion: word(4) == 0}
	off := headerLen
	switch word(4) {
	case 0:
	case 1:
		n, next, err := parseName(msg, off)
		if err != nil || next+4 > len(msg) {
			return nil, errMalformed
		}
		m.question = question{n, dnsmessage.Type(word(next)), dnsmessage.Class(word(next + 2))}
		off = next + 4
	default:
		return nil, errMalformed
	}
	for i, section := range []*[]record{&m.answers, &m.authorities, &m.additionals} {
		for range word(6 + 2*i) {
			r, next, err := parseRecord(msg, off)
			if err != nil && m.flags&flagTruncated != 0 {
				return m, nil
			}
			if err != nil {
				return nil, err
			}
			off = next
			if r.typ != typeOPT {
				*section = append(*section, r)
				continue
			}
			if m.opt != nil || section != &m.additionals || r.name != rootName {
				return nil, errMalformed
			}
			if m.opt, err = parseOPT(r); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

func parseRecord(msg []byte, off int) (record, int, error) {
	n, off, err := parseName(msg, off)
	if err != nil || off+10 > len(msg) {
		return record{}, 0, errMalformed
	}
	r := record{
		name:  n,
		typ:   dnsmessage.Type(binary.BigEndian.Uint16(msg[off:])),
		class: dnsmessage.Class(binary.BigEndian.Uint16(msg[off+2:])),
		ttl:   binary.BigEndian.Uint32(msg[off+4:]),
	}
	end := off + 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	if end > len(msg) {
		return record{}, 0, errMalformed
	}
	r.data, err = expandRData(r.typ, msg, off+10, end)
	return r, end, err
}

// append appends the message to b, which must be empty, in at most limit octets.
// Records that do not fit are left out from the end, with TC set when an answer
// or an authority is missing (RFC 2181 section 9); the OPT record always stays.
func (m *message) append(b []byte, limit int) []byte {
	c := &compressor{at: map[wireName]int{}}
	var counts [4]uint16
	b = append(b, make([]byte, headerLen)...)
	if !m.noQuestion {
		b = c.appendName(b, m.question.name)
		b = binary.BigEndian.AppendUint16(b, uint16(m.question.typ))
		b = binary.BigEndian.AppendUint16(b, uint16(m.question.class))
		counts[0] = 1
	}
	tail, flags := m.opt.append(nil), m.flags
	room := limit - len(tail)
	sections := [...][]record{m.answers, m.authorities, m.additionals}
fill:
	for i, section := range sections {
		for _, r := range section {
			start := len(b)
			if b = c.appendRecord(b, r); len(b) > room {
				b = b[:start]
				c.undo(start)
				if i < 2 {
					flags |= flagTruncated
				}
				break fill
			}
			counts[i+1]++
		}
	}
	if tail != nil {
		b = append(b, tail...)
		counts[3]++
	}
	binary.BigEndian.PutUint16(b[0:], m.id)
	binary.BigEndian.PutUint16(b[2:], flags)
	for i, n := range counts {
		binary.BigEndian.PutUint16(b[4+2*i:], n)
	}
	return b
}

func (c *compressor) appendRecord(b []byte, r record) []byte {
	b = c.appendName(b, r.name)
	b = binary.BigEndian.AppendUint16(b, uint16(r.typ))
	b = binary.BigEndian.AppendUint16(b, uint16(r.class))
	b = binary.BigEndian.AppendUint32(b, r.ttl)
	b = append(b, 0, 0)
	start := len(b)
	b = c.appendRData(b, r.typ, r.data)
	binary.BigEndian.PutUint16(b[start-2:], uint16(len(b)-start))
	return b
}

// reply begins the response to m: same ID, question, opcode, RD and CD, and EDNS
// when m has it (RFC 6891 section 6.1.1).
func (m *message) reply(code dnsmessage.RCode) *message {
	r := &message{id: m.id, question: m.question, noQuestion: m.noQuestion}
	r.flags = flagResponse | flagRecursionHave | m.flags&(maskOpcode|flagRecursionWant|flagNoCheck)
	if m.opt != nil {
		r.opt = &opt{size: advertiseUDP, dnssecOK: m.opt.dnssecOK}
	}
	r.setRCode(code)
	return r
}

func (m *message) setRCode(code dnsmessage.RCode) {
	if code > maskRCode && m.opt == nil {
		code = dnsmessage.RCodeServerFailure // no place for the upper bits
	}
	m.flags = m.flags&^maskRCode | uint16(code)&maskRCode
	if m.opt != nil {
		m.opt.extendedRCode = uint8(code >> 4)
	}
}
