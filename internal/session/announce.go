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
	st.s.writable.Signal()
}

// emitNotices appends what is due to out. Called by the writer goroutine with
// mu held.
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
		if !st.rstSent { // else that has said it
			out = wire.Credit{Stream: st.id, Consumed: uint32(st.consumed), Grow: uint32(st.grow)}.Append(out)
		}
		st.reported()
	}
	st.settle()
	return out
}
