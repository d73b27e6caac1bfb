//go:build linux

package nft

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// chains are where connections from outside and from inside come by first.
func chains(table *nftables.Table, order int) []*nftables.Chain {
	chain := func(name string, hook *nftables.ChainHook) *nftables.Chain {
		return &nftables.Chain{
			Name: name, Table: table, Type: nftables.ChainTypeNAT,
			Hooknum: hook, Priority: nftables.ChainPriorityRef(nftables.ChainPriority(firstPriority + order)),
		}
	}
	return []*nftables.Chain{
		chain("prerouting", nftables.ChainHookPrerouting),
		chain("output", nftables.ChainHookOutput),
	}
}

// rules are those of either chain.
func rules(chain *nftables.Chain, cfg Config) []*nftables.Rule {
	return []*nftables.Rule{
		rule(chain, "fwd: what this redirect or a later one passes on", markedFor(cfg.Order), verdict(expr.VerdictReturn)),
		rule(chain, fmt.Sprintf("fwd: new connections to port %d", cfg.Port), tcpTo(cfg.Port), isFirst(), toLocal(), redirectTo(cfg.To)),
	}
}

// tracking is a chain that nothing gets to, for the rule of keepTracking.
func tracking(table *nftables.Table) *nftables.Chain {
	return &nftables.Chain{Name: "tracking", Table: table}
}

// keepTracking is a rule that is there as long as the table. The kernel tracks
// connections only while there is a rule that needs it, and translates only what
// it tracks: with the rules of the other chains gone, connections that are
// redirected would break.
func keepTracking(chain *nftables.Chain) *nftables.Rule {
	return rule(chain, "fwd: connection tracking stays on for connections under way", isNew(), verdict(expr.VerdictReturn))
}

func rule(chain *nftables.Chain, comment string, exprs ...[]expr.Any) *nftables.Rule {
	return &nftables.Rule{
		Table: chain.Table, Chain: chain,
		Exprs:    slices.Concat(exprs...),
		UserData: userdata.AppendString(nil, userdata.TypeComment, comment),
	}
}

// markedFor matches our own sockets for order and above, Own among them.
func markedFor(order int) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
		// Ranges are compared as bytes, so the mark must be big endian.
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Range{
			Op: expr.CmpOpEq, Register: 1,
			FromData: binary.BigEndian.AppendUint32(nil, Mark(order)),
			ToData:   binary.BigEndian.AppendUint32(nil, Mark(Own)),
		},
	}
}

func verdict(kind expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: kind}} }

// tcpTo matches TCP to port.
func tcpTo(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
}

// isFirst matches the segment that begins a connection: SYN alone of FIN, SYN,
// RST and ACK. Connection tracking also calls new what it has not seen from the
// start, as connections that are older than the table.
func isFirst() []expr.Any {
	const flags, syn, ofInterest = 13, 0x02, 0x17
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: flags, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{ofInterest}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{syn}},
	}
}

// isNew matches connections that tracking has not seen an answer of.
func isNew() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binary.NativeEndian.AppendUint32(nil, expr.CtStateBitNEW), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// toLocal matches what is for an address of this network namespace.
func toLocal() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.NativeEndian.AppendUint32(nil, unix.RTN_LOCAL)},
	}
}

// redirectTo sends to port: to the first address of the interface that it came
// in by, or from inside to loopback.
func redirectTo(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
		&expr.Redir{RegisterProtoMin: 1},
	}
}
