//go:build linux

package tap

import (
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What internal/nft.Mark marks: the connections that steal passes on.
const (
	ourMark  = 0x66640000
	markMask = 0xffff0000
)

// How much of a packet is taken. A caller's is taken whole. Of a pod's only
// its headers are looked at.
const (
	snapCaller = 1 << 20
	snapPod    = 256
)

// side is which packets of the port are meant.
type side bool

const (
	fromCaller side = false // what comes in for the port
	fromPod    side = true  // what goes out of it and begins or ends something
)

// filter is the program that the kernel runs over every packet of the
// namespace, from the IP header on. A packet on the loopback device comes by
// twice, going out and coming in, and each side takes one of the two.
func filter(port uint16) []bpf.Instruction {
	callers, pods := families(port, fromCaller), families(port, fromPod)
	return slices.Concat([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtMark},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: markMask},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: ourMark, SkipTrue: 7},
		// A packet of a VLAN comes by again, without its tag, at the VLAN's
		// own device. Tag 0 is only a priority.
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 2},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0xfff, SkipTrue: 3},
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_HOST, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 1 + uint8(len(callers))},
		bpf.RetConstant{Val: 0},
	}, callers, pods)
}

// families tells IPv4 from IPv6.
func families(port uint16, s side) []bpf.Instruction {
	v4, v6 := ipv4(port, s), ipv6(port, s)
	return slices.Concat([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IP, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipTrue: 1 + uint8(len(v4))},
		bpf.RetConstant{Val: 0},
	}, v4, v6)
}

// ipv4 takes the first fragment too, which is how fragments are noticed.
func ipv4(port uint16, s side) []bpf.Instruction {
	return slices.Concat([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 2},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: 0x1fff, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadMemShift{Off: 0},
	}, tcp(port, s))
}

// ipv6 leaves packets with extension headers, which hardly anybody sends, for
// decode to look at.
func ipv6(port uint16, s side) []bpf.Instruction {
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: 6, Size: 1}}
	for i, header := range extensions {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(header), SkipTrue: uint8(len(extensions) - i + 1)})
	}
	return slices.Concat(program, []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_TCP, SkipTrue: 2},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: s.snap()},
		bpf.LoadConstant{Dst: bpf.RegX, Val: 40},
	}, tcp(port, s))
}

// tcp looks at the TCP header that begins at X.
func tcp(port uint16, s side) []bpf.Instruction {
	take := []bpf.Instruction{bpf.RetConstant{Val: s.snap()}, bpf.RetConstant{Val: 0}}
	if s == fromCaller {
		return append([]bpf.Instruction{
			bpf.LoadIndirect{Off: 2, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1},
		}, take...)
	}
	return append([]bpf.Instruction{
		bpf.LoadIndirect{Off: 0, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 3},
		bpf.LoadIndirect{Off: 13, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: flagFIN | flagSYN | flagRST, SkipTrue: 1},
	}, take...)
}

func (s side) snap() uint32 {
	if s == fromPod {
		return snapPod
	}
	return snapCaller
}
