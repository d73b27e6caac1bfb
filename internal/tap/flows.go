//go:build linux

package tap

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"
)

// What callers can make the tap keep.
const (
	maxFlows   = 65536 // open; the one that is idle for longest is lost
	maxOpening = 8192  // SYNs without an answer; the oldest is forgotten
	maxLost    = 65536 // remembered, so that none is counted twice

	pageSize  = 1900               // reassembly's
	maxQueued = 4 << 20 / pageSize // pages kept of one flow while something before them is missing
	maxPages  = 32 << 20 / pageSize
)

// flows is all connections. It belongs to one goroutine.
type flows struct {
	new   func(Flow) Sink
	peers *peers
	asm   *reassembly.Assembler
	stats Stats

	opening, open list.List          // of *flow, the longest idle first
	gaps          map[*flow]struct{} // that something is missing of
	old           map[netip.AddrPort]*watch
	lost          map[netip.AddrPort]struct{} // counted already, and maybe still there

	now     time.Time
	dropped time.Time // when the kernel last had no room
	sweepAt time.Time

	p, last packet // last: for forget
}

func newFlows(new func(Flow) Sink, peers *peers) *flows {
	t := &flows{
		new:   new,
		peers: peers,
		gaps:  make(map[*flow]struct{}),
		old:   make(map[netip.AddrPort]*watch),
		lost:  make(map[netip.AddrPort]struct{}),
		now:   time.Now(),
	}
	t.asm = reassembly.NewAssembler(reassembly.NewStreamPool(t))
	t.asm.MaxBufferedPagesPerConnection = maxQueued
	t.asm.MaxBufferedPagesTotal = maxPages
	t.sweepAt = t.now.Add(sweepEvery)
	return t
}

// take is for each packet that comes out of the ring.
func (t *flows) take(r raw, port uint16) {
	p := &t.p
	switch err := p.decode(r, port); {
	case errors.Is(err, errFragment):
		// The kernel puts them together only behind the tap.
		t.drop(1)
		return
	case err != nil:
		return
	}
	t.stats.Packets++
	t.assemble(p)
	t.bound()
}

// assemble shows a packet to the assembler and does what its flow cannot do
// from within.
func (t *flows) assemble(p *packet) {
	p.now, p.flow = t.now, nil
	t.asm.AssembleWithContext(p.net(), &p.tcp, p)
	f := p.flow
	if f == nil {
		return
	}
	if f.state != over {
		t.check(f)
		return
	}
	t.forget(f)
	switch {
	case p.from == fromCaller && p.tcp.SYN:
		t.assemble(p) // it ended the old one and begins another
	case p.from == fromPod && p.tcp.SYN && p.tcp.Ack == f.again+1 && f.again != f.isn:
		t.assemble(p.made(f, fromCaller, f.again, flagSYN))
	}
}

// New is asked by the assembler for the flow of a packet that belongs to none.
func (t *flows) New(_, _ gopacket.Flow, tcp *layers.TCP, ac reassembly.AssemblerContext) reassembly.Stream {
	p := ac.(*packet)
	if p.from == fromPod || p.end {
		return nil
	}
	f := &flow{Flow: Flow{Caller: p.caller, Local: p.local}, flows: t, seen: t.now}
	old := t.old[p.caller]
	switch {
	case tcp.SYN && !tcp.ACK && !tcp.RST && !tcp.FIN:
	case old == nil:
		t.orphan(p)
		return nil
	case old.joins(p):
		f.Joined = true
	default:
		return nil
	}
	delete(t.old, p.caller)
	delete(t.lost, p.caller)
	f.at = t.opening.PushBack(f)
	return f
}

// orphan counts a connection whose beginning the kernel had no room for. When
// there was room, it is none: a repetition of what was over, or not a caller.
func (t *flows) orphan(p *packet) {
	if len(p.tcp.Payload) == 0 || !t.dropping() || len(t.lost) >= maxLost {
		return
	}
	if _, counted := t.lost[p.caller]; !counted {
		t.stats.Connections++
		t.stats.Orphans++
		t.lose(p.caller)
	}
}

// lose counts a loss.
func (t *flows) lose(caller netip.AddrPort) {
	t.stats.Lost++
	if len(t.lost) < maxLost {
		t.lost[caller] = struct{}{}
	}
}

// touch is for each packet of a caller.
func (t *flows) touch(f *flow) {
	f.seen = t.now
	t.list(f).MoveToBack(f.at)
}

func (t *flows) list(f *flow) *list.List {
	if f.state == opening {
		return &t.opening
	}
	return &t.open
}

// begin opens the flow's sink.
func (t *flows) begin(f *flow) {
	t.opening.Remove(f.at)
	f.state, f.at = open, t.open.PushBack(f)
	f.sink = t.new(f.Flow)
	t.stats.Connections++
}

// finish is for a flow that is about to be over.
func (t *flows) finish(f *flow, err error) {
	t.list(f).Remove(f.at)
	delete(t.gaps, f)
	if errors.Is(err, ErrLost) {
		t.lose(f.Caller)
	}
}

// forget has the assembler forget a flow. It has no call for that, but does so
// when both directions have ended.
func (t *flows) forget(f *flow) {
	for _, s := range []side{fromCaller, fromPod} {
		p := t.last.made(f, s, 0, flagRST|flagACK)
		p.end, p.now = true, t.now
		t.asm.AssembleWithContext(p.net(), &p.tcp, p)
	}
}

// end ends a flow from outside of the assembler.
func (t *flows) end(f *flow, err error) {
	f.finish(err)
	t.forget(f)
}

// bound keeps to what is allowed.
func (t *flows) bound() {
	for t.opening.Len() > maxOpening {
		t.end(t.opening.Front().Value.(*flow), nil)
	}
	for t.open.Len() > maxFlows {
		t.end(t.open.Front().Value.(*flow), &LostError{})
	}
}

// close ends all flows with the tap.
func (t *flows) close() {
	for _, l := range []*list.List{&t.opening, &t.open} {
		for l.Len() > 0 {
			l.Front().Value.(*flow).finish(net.ErrClosed)
		}
	}
}
