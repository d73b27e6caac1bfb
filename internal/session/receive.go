package session

import (
	"io"
	"net"

	"github.com/fwdtools/fwd/pkg/wire"
)

// read moves received bytes to b. Called with mu held, which it gives up while
// it waits.
func (st *Stream) read(b []byte) (int, error) {
	for {
		switch {
		case st.closed:
			return 0, net.ErrClosed
		case st.rdeadline.expired:
			return 0, deadlineError
		case st.rbuf.n > 0 && len(b) > 0:
			n := st.rbuf.read(b)
			st.s.held -= n
			st.consume(n)
			st.settle()
			return n, nil
		case st.finRecv && st.rbuf.n == 0:
			return 0, io.EOF
		case st.reset != nil:
			return 0, st.reset
		case st.s.err != nil:
			return 0, st.s.err
		case len(b) == 0:
			return 0, nil
		}
		st.rcond.Wait()
	}
}

// onData handles a DATA with payload p. Called with mu held.
func (st *Stream) onData(h wire.Header, p []byte) {
	s := st.s
	if st.rstSent {
		return // crossed with our RESET
	}
	if st.own && !st.connected {
		s.breach(wire.ProtocolError, h.String()+": before ACCEPT")
		return
	}
	if st.finRecv || st.reset != nil {
		s.breach(wire.ProtocolError, h.String()+": after the end of the stream")
		return
	}
	if st.rbuf.n+st.taken+st.consumed+len(p) > st.rwindow {
		s.breach(wire.FlowControl, h.String()+": over the stream's window")
		return
	}
	if s.held+s.unsaid+len(p) > s.cfg.Memory {
		s.breach(wire.FlowControl, h.String()+": over the session's memory")
		return
	}
	s.moved += int64(len(p))
	s.noteSmall(st, len(p))
	st.finRecv = h.Flags&wire.FlagFIN != 0
	if len(p) > 0 {
		if st.closed {
			// Our RESET waits for its turn; nobody will read this.
			st.consume(len(p))
			st.linger = false
			st.schedule()
		} else {
			st.rbuf.append(p)
			s.held += len(p)
		}
		s.saveMemory()
	}
	if st.finRecv {
		st.report() // what was read before: the sender waits for it to be over
	}
	if st.outlet != nil {
		s.fed.push(st)
	} else {
		st.readable()
	}
	st.settle()
}

// discard drops what nobody will read any more and reports it.
func (st *Stream) discard() {
	n := st.rbuf.release()
	st.s.held -= n
	st.consume(n)
}
