//go:build linux

package tap

import (
	"container/list"
	"syscall"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"
)

// state of a flow: opening → open → over, or opening → over.
type state int

const (
	opening state = iota // a SYN was seen, but nothing that shows an answer
	open                 // Config.New was called
	over                 // the sink has had its End; flows shall forget the flow
)

// flow is one connection. The assembler puts its bytes in order; the flow
// decides what the assembler gets to see, and when a gap is a loss. Its methods
// run within the assembler, so none of them may call it: flows forgets a flow
// that is over once the assembler has returned.
type flow struct {
	Flow
	flows *flows
	state state
	at    *list.Element // in flows.opening or flows.open
	seen  time.Time     // when the caller's last packet came

	sink  Sink
	early []byte // came with the SYN
	isn   uint32 // sequence number of the SYN
	again uint32 // of another SYN, that the pod has not answered; isn: none

	next  uint32    // sequence number that the copy goes on with
	ahead uint32    // where the caller is; beyond next, something is missing
	since time.Time // something is missing and nothing has come since
}

var _ reassembly.Stream = (*flow)(nil)

// Accept is asked by the assembler whether a segment is to be looked at. next
// is what it waits for, or negative at the beginning.
func (f *flow) Accept(tcp *layers.TCP, _ gopacket.CaptureInfo, _ reassembly.TCPFlowDirection, next reassembly.Sequence, start *bool, ac reassembly.AssemblerContext) bool {
	p := ac.(*packet)
	p.flow = f
	switch {
	case p.end:
		*start, tcp.Seq = true, uint32(next)
		return true
	case f.state == over:
		return false
	case p.from == fromPod:
		f.answer(tcp)
		return false
	}
	f.flows.touch(f)
	if tcp.SYN {
		return !tcp.ACK && f.syn(tcp.Seq, next < 0)
	}
	if next < 0 { // joined
		next, *start = reassembly.Sequence(tcp.Seq), true
		f.ahead = tcp.Seq
	}
	f.next = uint32(next)
	if tcp.RST {
		// The pod heeds it here and nowhere else (RFC 5961). If it came too
		// early for a copy that misses bytes, the sweep will tell.
		return tcp.Seq == f.next
	}
	if !tcp.ACK {
		return false
	}
	f.begin()
	if end := tcp.Seq + uint32(len(tcp.Payload)+p.missing); before(f.ahead, end) {
		f.ahead = end
	}
	if p.missing > 0 && before(f.next, f.ahead) {
		f.lose()
		return false
	}
	return true
}

// syn says whether a SYN is this flow's first.
func (f *flow) syn(seq uint32, first bool) bool {
	switch {
	case first:
		f.isn, f.again = seq, seq
		f.next, f.ahead = seq+1, seq+1
	case f.state == opening && seq != f.isn:
		f.finish(nil) // nobody answered the old one
	default:
		f.again = seq
	}
	return first
}

// begin is for the first sign that caller and pod are connected.
func (f *flow) begin() {
	if f.state != opening {
		return
	}
	f.flows.begin(f)
	f.write(f.early)
	f.early = nil
}

// answer looks at what the pod says. The tap has seen all that the pod has
// seen, and before it: what the pod acknowledges and the copy has not is lost.
func (f *flow) answer(tcp *layers.TCP) {
	switch {
	case f.state == opening && tcp.RST:
		f.finish(nil) // refused
	case f.state == opening:
	case tcp.SYN && tcp.ACK && f.again != f.isn && tcp.Ack == f.again+1:
		// Only a pod that has the old connection no more takes a SYN for a new
		// one. How the old one ended was not seen.
		f.lose()
	case tcp.SYN:
	case tcp.ACK && before(f.next, tcp.Ack):
		f.ahead = tcp.Ack
		f.lose()
	case tcp.RST && before(f.next, f.ahead):
		f.lose()
	case tcp.RST:
		f.finish(syscall.ECONNRESET)
	}
}

// ReassembledSG gets bytes in order from the assembler.
func (f *flow) ReassembledSG(sg reassembly.ScatterGather, ac reassembly.AssemblerContext) {
	p := ac.(*packet)
	if p.end || f.state == over {
		return
	}
	n, _ := sg.Lengths()
	_, _, end, skip := sg.Info()
	switch {
	case skip > 0: // there is no room to keep more of what follows the gap
		f.lose()
	case p.tcp.RST:
		f.finish(syscall.ECONNRESET)
	case f.state == opening:
		f.early = append(f.early, sg.Fetch(n)...)
		f.next += uint32(n)
		f.ahead = f.next
	default:
		if n > 0 {
			f.write(sg.Fetch(n))
			f.next += uint32(n)
			f.since = time.Time{}
		}
		if end {
			f.finish(nil)
		}
	}
}

// ReassemblyComplete lets the assembler forget the flow.
func (f *flow) ReassemblyComplete(reassembly.AssemblerContext) bool { return true }

func (f *flow) write(b []byte) {
	if f.sink != nil && len(b) > 0 {
		f.sink.Write(b)
	}
}

// lose ends the copy where bytes are missing.
func (f *flow) lose() { f.finish(&LostError{Bytes: f.ahead - f.next}) }

// finish ends the copy.
func (f *flow) finish(err error) {
	if f.state == over {
		return
	}
	f.flows.finish(f, err)
	if f.sink != nil {
		f.sink.End(err)
	}
	f.sink, f.early, f.state = nil, nil, over
}

// before says that a comes before b, over the wrap-around.
func before(a, b uint32) bool { return int32(b-a) > 0 }
