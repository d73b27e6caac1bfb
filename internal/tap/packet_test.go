//go:build linux

package tap

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
)

func TestDecode(t *testing.T) {
	four := [2]netip.AddrPort{caller4, local4}
	six := [2]netip.AddrPort{netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("[fd00::2]:8080")}
	for _, tt := range []struct {
		name  string
		addrs [2]netip.AddrPort
		from  side
		edit  func(r *raw)
		err   error
		cut   int
	}{
		{name: "IPv4", addrs: four},
		{name: "IPv6", addrs: six},
		{name: "IPv4 from the pod", addrs: four, from: fromPod},
		{name: "IPv6 from the pod", addrs: six, from: fromPod},
		{name: "IPv4 with options", addrs: four, edit: func(r *raw) { r.data = withOptions(r.data); r.length = len(r.data) }},
		{name: "IPv4 with Ethernet's padding", addrs: four, edit: func(r *raw) { r.data = append(r.data, 0, 0, 0, 0); r.length += 4 }},
		{name: "IPv4 merged to more than a length can say", addrs: four, edit: func(r *raw) { r.data[2], r.data[3] = 0, 0 }},
		{name: "IPv6 merged to more than a length can say", addrs: six, edit: func(r *raw) { r.data[4], r.data[5] = 0, 0 }},
		{name: "IPv6 with hop-by-hop options", addrs: six, edit: func(r *raw) { r.data = withExtension(r.data, 0); r.length += 8 }},
		{name: "IPv6 with three headers", addrs: six, edit: func(r *raw) {
			r.data = withExtension(withExtension(withExtension(r.data, 60), 43), 0)
			r.length += 24
		}},
		{name: "IPv6 with an authentication header", addrs: six, edit: func(r *raw) { r.data = withExtension(r.data, 51, 0); r.length += 8 }},
		{name: "IPv6 with a fragment header that is all", addrs: six, edit: func(r *raw) { r.data = withExtension(r.data, 44); r.length += 8 }},
		{name: "an IPv6 first fragment", addrs: six, err: errFragment, edit: func(r *raw) { r.data = withExtension(r.data, 44, 0, 0, 1); r.length += 8 }},
		{name: "an IPv6 later fragment", addrs: six, err: errForeign, edit: func(r *raw) { r.data = withExtension(r.data, 44, 0, 0, 8); r.length += 8 }},
		{name: "an IPv4 first fragment", addrs: four, err: errFragment, edit: func(r *raw) { r.data[6] = 0x20 }},
		{name: "an IPv4 later fragment", addrs: four, err: errForeign, edit: func(r *raw) { r.data[7] = 1 }},
		{name: "cut data", addrs: four, cut: 2, edit: func(r *raw) { r.data = r.data[:len(r.data)-2] }},
		{name: "cut data of IPv6", addrs: six, cut: 4, edit: func(r *raw) { r.data = r.data[:len(r.data)-4] }},
		{name: "cut headers", addrs: four, err: errNoHeaders, edit: func(r *raw) { r.data = r.data[:30] }},
		{name: "nothing", addrs: four, err: errNoHeaders, edit: func(r *raw) { r.data = nil }},
		{name: "a wrong checksum", addrs: four, err: errDamaged, edit: func(r *raw) { r.data[len(r.data)-1]++ }},
		{name: "a wrong checksum of IPv6", addrs: six, err: errDamaged, edit: func(r *raw) { r.data[len(r.data)-3]++ }},
		{name: "another port", addrs: [2]netip.AddrPort{caller4, caller4}, err: errForeign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.caller, w.local = tt.addrs[0], tt.addrs[1]
			r := w.packet(tt.from, &layers.TCP{Seq: 12, Ack: 34, Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindNop, OptionLength: 1}}}, "A", "data!")
			if tt.edit != nil {
				tt.edit(&r)
			}
			var p packet
			err := p.decode(r, testPort)
			assert.Equal(t, tt.err, err)
			if err != nil {
				return
			}
			assert.Equal(t, tt.addrs, [2]netip.AddrPort{p.caller, p.local})
			assert.Equal(t, tt.cut, p.missing)
			assert.Equal(t, "data!"[:5-tt.cut], string(p.tcp.Payload))
			assert.Equal(t, []uint32{12, 34}, []uint32{p.tcp.Seq, p.tcp.Ack})
			assert.True(t, p.tcp.ACK)
		})
	}
}

// FuzzDecode sees that nothing that comes over a wire ends the agent.
func FuzzDecode(f *testing.F) {
	w := &world{t: f, caller: caller4, local: local4}
	f.Add(w.packet(fromCaller, &layers.TCP{}, "S", "").data, 1500, true, false)
	w.caller, w.local = netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("[fd00::2]:8080")
	f.Add(withExtension(w.packet(fromCaller, &layers.TCP{}, "A", "x").data, 0), 1500, true, true)
	f.Fuzz(func(t *testing.T, b []byte, length int, valid, v6 bool) {
		var p packet
		if length < len(b) {
			length = len(b)
		}
		r := raw{data: b, length: length, valid: valid, v6: v6}
		if p.decode(r, testPort) == nil && p.missing < 0 {
			t.Errorf("decode(%x) misses %d bytes", b, p.missing)
		}
	})
}
