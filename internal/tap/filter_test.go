//go:build linux

package tap

import (
	"encoding/binary"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"net/netip"
)

// What asks the kernel about a packet (mark, direction, family) is in
// TestNetnsFilter: bpf.VM does not know it.
func TestFilterOfEachFamily(t *testing.T) {
	w := newWorld(t)
	to, other := w.local, netip.AddrPortFrom(w.local.Addr(), 8081)
	six := func() {
		w.caller, w.local = netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("[fd00::2]:8080")
	}
	four := func() { w.caller, w.local = caller4, to }
	packet := func(s side, flags string) []byte { return w.packet(s, &layers.TCP{}, flags, "data").data }
	for _, tt := range []struct {
		name  string
		s     side
		make  func() []byte
		taken int
	}{
		{"a caller's segment", fromCaller, func() []byte { return packet(fromCaller, "A") }, snapCaller},
		{"a caller's segment for another port", fromCaller, func() []byte {
			w.local = other
			return packet(fromCaller, "A")
		}, 0},
		{"a caller's segment with IP options", fromCaller, func() []byte { return withOptions(packet(fromCaller, "A")) }, snapCaller},
		{"a first fragment", fromCaller, func() []byte {
			b := packet(fromCaller, "A")
			b[6] = 0x20
			return b
		}, snapCaller},
		{"a later fragment", fromCaller, func() []byte {
			b := packet(fromCaller, "A")
			b[7] = 1
			return b
		}, 0},
		{"a datagram", fromCaller, func() []byte {
			b := packet(fromCaller, "A")
			b[9] = 17
			return b
		}, 0},
		{"the pod's SYN", fromPod, func() []byte { return packet(fromPod, "SA") }, snapPod},
		{"the pod's FIN", fromPod, func() []byte { return packet(fromPod, "FA") }, snapPod},
		{"the pod's RST", fromPod, func() []byte { return packet(fromPod, "R") }, snapPod},
		{"the pod's data", fromPod, func() []byte { return packet(fromPod, "A") }, 0},
		{"another port's FIN", fromPod, func() []byte {
			w.local = other
			return packet(fromPod, "FA")
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			four()
			vm, err := bpf.NewVM(ipv4(testPort, tt.s))
			require.NoError(t, err)
			b := tt.make()
			n, err := vm.Run(b)
			require.NoError(t, err)
			assert.Equal(t, min(tt.taken, len(b)), min(n, len(b)))
		})
	}
	for _, tt := range []struct {
		name  string
		s     side
		make  func() []byte
		taken bool
	}{
		{"a caller's segment, IPv6", fromCaller, func() []byte { return packet(fromCaller, "A") }, true},
		{"the pod's data, IPv6", fromPod, func() []byte { return packet(fromPod, "A") }, false},
		{"the pod's RST, IPv6", fromPod, func() []byte { return packet(fromPod, "R") }, true},
		{"a segment with an extension header", fromCaller, func() []byte { return withExtension(packet(fromCaller, "A"), 0) }, true},
		{"neighbour discovery", fromCaller, func() []byte {
			b := packet(fromCaller, "A")
			b[6] = 58
			return b
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			six()
			vm, err := bpf.NewVM(ipv6(testPort, tt.s))
			require.NoError(t, err)
			n, err := vm.Run(tt.make())
			require.NoError(t, err)
			assert.Equal(t, tt.taken, n > 0)
		})
	}
}

// withOptions gives an IPv4 packet four bytes of options.
func withOptions(b []byte) []byte {
	out := append([]byte(nil), b[:20]...)
	out = append(append(out, 1, 1, 1, 0), b[20:]...)
	out[0]++
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
	return out
}

// withExtension gives an IPv6 packet a header of 8 bytes.
func withExtension(b []byte, header byte, content ...byte) []byte {
	out := append([]byte(nil), b[:40]...)
	ext := make([]byte, 8)
	ext[0] = b[6]
	copy(ext[1:], content)
	out = append(append(out, ext...), b[40:]...)
	out[6] = header
	binary.BigEndian.PutUint16(out[4:], uint16(len(out)-40))
	return out
}
