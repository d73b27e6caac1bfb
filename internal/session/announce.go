package session

import "github.com/fwdtools/fwd/pkg/wire"

// notices is what a stream has to say ahead of all data: its OPEN, ACCEPT and
// CREDIT. They wait as what is due and not as bytes, so that an application
// that opens many streams or reads single bytes while the link is slow does not
// look like a peer's flood, and so that many CREDITs become one.
type notices struct {
	openDue   bool
	acceptDue bool
	creditDue bool
	grow      int // to be said in CREDIT; rwindow has it already
}

// announce puts the stream in line to say what is due. Called with mu held.
func (st *Stream) announce() {
	st.s.notices.push(st)
	st.s.press()
}

// emitNotices appends what is due to out. Called by who writes, with mu
// held.
func (st *Stream) emitNotices(out []byte) []byte {
	if st.openDue {
		st.openDue = false
		out = st.open.Append(out)
	}
	if st.acceptDue {
		st.acceptDue = false
		out = wire.Accept{Stream: st.id, Address: st.reached}.Append(out)
	}
	if st.creditDue {
		st.creditDue = false
		n := st.consumed // a RESET that was sent has said it
		if !st.rstSent {
			n = max(n-st.kept, 0) // more may be kept than when it was due
		}
		if !st.rstSent && n+st.grow > 0 {
			out = wire.Credit{Stream: st.id, Consumed: uint32(n), Grow: uint32(st.grow)}.Append(out)
		}
		st.reported(n)
	}
	st.settle()
	return out
}
