//go:build linux

package tap

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// extensions are the IPv6 headers that may come before TCP's.
var extensions = []byte{
	unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_FRAGMENT, unix.IPPROTO_AH, unix.IPPROTO_DSTOPTS, unix.IPPROTO_MH,
}

// split finds the TCP segment and its length on the wire. An errFragment comes
// with a segment if it is the first one.
func split(r raw) (segment []byte, length int, src, dst netip.Addr, err error) {
	if r.v6 {
		return splitIPv6(r)
	}
	b := r.data
	if len(b) < 20 {
		return nil, 0, src, dst, errNoHeaders
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = r.length
	}
	head := int(b[0]&0xf) * 4
	if b[9] != unix.IPPROTO_TCP {
		return nil, 0, src, dst, errForeign
	}
	if head < 20 || head > len(b) || total < head {
		return nil, 0, src, dst, errNoHeaders
	}
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x1fff != 0 {
		return nil, 0, src, dst, errForeign
	} else if frag&0x2000 != 0 {
		err = errFragment
	}
	src, dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	return b[head:min(len(b), total)], total - head, src, dst, err // Ethernet pads short packets
}

func splitIPv6(r raw) (segment []byte, length int, src, dst netip.Addr, err error) {
	b := r.data
	if len(b) < 40 {
		return nil, 0, src, dst, errNoHeaders
	}
	total := 40 + int(binary.BigEndian.Uint16(b[4:]))
	if total == 40 {
		total = r.length
	}
	src, dst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	b = b[:min(len(b), total)]
	head, next := 40, b[6]
	for slices.Contains(extensions, next) {
		if len(b) < head+8 {
			return nil, 0, src, dst, errNoHeaders
		}
		size := 8 + 8*int(b[head+1])
		switch next {
		case unix.IPPROTO_AH:
			size = 8 + 4*int(b[head+1])
		case unix.IPPROTO_FRAGMENT:
			size = 8
			switch frag := binary.BigEndian.Uint16(b[head+2:]); {
			case frag&0xfff8 != 0:
				return nil, 0, src, dst, errForeign
			case frag&1 != 0:
				err = errFragment
			}
		}
		next = b[head]
		head += size
	}
	if next != unix.IPPROTO_TCP {
		return nil, 0, src, dst, errForeign
	}
	if head > len(b) {
		return nil, 0, src, dst, errNoHeaders
	}
	return b[head:], total - head, src, dst, err
}

// checksum is 0 if that of segment is right.
func checksum(src, dst netip.Addr, segment []byte) uint16 {
	sum := uint64(len(segment)) + unix.IPPROTO_TCP
	add := func(b []byte) {
		for ; len(b) >= 4; b = b[4:] {
			sum += uint64(binary.BigEndian.Uint32(b))
		}
		var rest [4]byte
		copy(rest[:], b)
		sum += uint64(binary.BigEndian.Uint32(rest[:]))
	}
	add(src.AsSlice())
	add(dst.AsSlice())
	add(segment)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
