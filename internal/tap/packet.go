//go:build linux

package tap

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// TCP's flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

var (
	errForeign   = errors.New("not of the port")
	errFragment  = errors.New("a fragment")
	errDamaged   = errors.New("damaged")
	errNoHeaders = errors.New("cut within its headers")
)

// packet is a TCP segment of the port. It goes along as the assembler's
// context; one is used again and again.
type packet struct {
	caller, local netip.AddrPort
	from          side
	tcp           layers.TCP // without options
	missing       int        // bytes at the end of the payload that were cut off
	now           time.Time

	end  bool  // not from the wire: the assembler shall forget the flow
	flow *flow // whose it is, once the assembler has it

	header [20]byte
}

// GetCaptureInfo makes a packet an AssemblerContext.
func (p *packet) GetCaptureInfo() gopacket.CaptureInfo { return gopacket.CaptureInfo{Timestamp: p.now} }

// decode reads r into p. Lengths may be 0 where segments were merged to more
// than 64 KiB.
func (p *packet) decode(r raw, port uint16) error {
	segment, length, src, dst, err := split(r)
	if err != nil && err != errFragment {
		return err
	}
	if len(segment) < len(p.header) {
		return errNoHeaders
	}
	p.from = r.from
	from := netip.AddrPortFrom(src, binary.BigEndian.Uint16(segment))
	to := netip.AddrPortFrom(dst, binary.BigEndian.Uint16(segment[2:]))
	p.caller, p.local = from, to
	if r.from == fromPod {
		p.caller, p.local = to, from
	}
	if p.local.Port() != port {
		return errForeign
	}
	if err != nil {
		return err
	}
	offset := int(segment[12]>>4) * 4
	if offset < len(p.header) || offset > len(segment) {
		return errNoHeaders
	}
	if !r.valid && r.from == fromCaller && len(segment) == length && checksum(src, dst, segment) != 0 {
		return errDamaged // the pod's kernel takes it for lost, too
	}
	p.set(segment)
	p.missing = length - len(segment)
	p.tcp.Payload = segment[offset:]
	if p.tcp.RST {
		p.tcp.Payload, p.missing = nil, 0 // a reason for people (RFC 9293 3.5.3), not data
	}
	return nil
}

// set takes a TCP header. What stands in options is of no use here.
func (p *packet) set(header []byte) {
	copy(p.header[:], header)
	p.header[12] = 5 << 4
	p.tcp.DecodeFromBytes(p.header[:], gopacket.NilDecodeFeedback) // cannot fail on 20 bytes
	p.tcp.Payload, p.missing, p.end, p.flow = nil, 0, false, nil
}

// made makes p a packet of f that did not come from the wire.
func (p *packet) made(f *flow, s side, seq uint32, flags byte) *packet {
	from, to := f.Caller, f.Local
	if s == fromPod {
		from, to = to, from
	}
	var header [20]byte
	binary.BigEndian.PutUint16(header[0:], from.Port())
	binary.BigEndian.PutUint16(header[2:], to.Port())
	binary.BigEndian.PutUint32(header[4:], seq)
	header[13] = flags
	p.caller, p.local, p.from = f.Caller, f.Local, s
	p.set(header[:])
	return p
}

// net is how the assembler names who sends to whom.
func (p *packet) net() gopacket.Flow {
	src, dst := p.caller.Addr(), p.local.Addr()
	if p.from == fromPod {
		src, dst = dst, src
	}
	if src.Is4() {
		a, b := src.As4(), dst.As4()
		return gopacket.NewFlow(layers.EndpointIPv4, a[:], b[:])
	}
	a, b := src.As16(), dst.As16()
	return gopacket.NewFlow(layers.EndpointIPv6, a[:], b[:])
}
