package session

import (
	"net"

	"github.com/fwdtools/fwd/pkg/wire"
)

// bufferSize is how many bytes of small writes wait in a stream, so that they
// leave in one frame when the writer is free.
const bufferSize = wire.MaxPayload

// write hands b over to the writer goroutine. Called with mu held, which it
// gives up while it waits.
func (st *Stream) write(b []byte) (n int, err error) {
	if err := st.beginWrite(); err != nil {
		return 0, err
	}
	defer st.endWrite()
	for total := len(b); ; {
		if len(st.sbuf)+len(b) <= bufferSize {
			st.buffer(b)
			st.wp = nil
			st.schedule()
			return total, nil
		}
		st.wp = b
		st.schedule()
		st.wcond.Wait() // the writer goroutine takes from wp
		b = st.wp
		if err := st.writeError(); err != nil && len(b) > 0 {
			st.wp = nil
			st.schedule() // a FIN may have waited for it
			return total - len(b), err
		}
	}
}

// beginWrite waits for the caller's turn to write. Called with mu held.
func (st *Stream) beginWrite() error {
	for st.writing && st.writeError() == nil {
		st.wcond.Wait()
	}
	if err := st.writeError(); err != nil {
		return err
	}
	st.accept("")
	st.writing = true
	return nil
}

func (st *Stream) endWrite() {
	st.writing = false
	st.wcond.Broadcast()
}

// buffer appends b, which must fit, to sbuf.
func (st *Stream) buffer(b []byte) {
	switch have := st.sbuf; {
	case len(b) == 0:
		return
	case have == nil:
		st.sbuf = newPiece(len(b))
	case len(have)+len(b) > cap(have):
		st.sbuf = append(newPiece(bufferSize), have...)
		freePiece(have)
	}
	st.sbuf = append(st.sbuf, b...)
}

func (st *Stream) freeBuffer() {
	if st.sbuf != nil {
		freePiece(st.sbuf)
		st.sbuf = nil
	}
}

// pending is how many bytes there are to send, as far as that is known: a
// source may have fewer.
func (st *Stream) pending() int {
	n := len(st.sbuf) + len(st.wp)
	if st.sources() {
		n += drawSize
	}
	return n
}

// writeError is why nothing can be written, or nil.
func (st *Stream) writeError() error {
	switch {
	case st.closed, st.finWanted:
		return net.ErrClosed
	case st.reset != nil:
		return st.reset
	case st.s.err != nil:
		return st.s.err
	case st.wdeadline.expired:
		return deadlineError
	}
	return nil
}

// finish makes FIN follow what was written.
func (st *Stream) finish() {
	st.accept("")
	st.finWanted = true
	st.wcond.Broadcast()
	st.schedule()
}

// abort makes RESET follow what credit allows of what was written, or all of it
// if linger is set.
func (st *Stream) abort(code wire.Code, text string) {
	if st.rst == nil && st.reset == nil {
		st.rst = &wire.Reset{Stream: st.id, Code: code, Text: text}
		st.schedule()
	}
}

const (
	minShare  = 1 << 10 // keeps a session that is short of memory from sending crumbs
	fewBytes  = 4 << 10 // that a stream may have outstanding from the reserve
	reserving = 16      // part of the memory that is the reserve
)

// allowance is how many of n bytes may be sent now, and if that is 0, whether
// the session's memory is what they wait for (SPEC.md 4).
func (st *Stream) allowance(n int) (allowed int, starving bool) {
	n = min(n, st.window-st.sent)
	if n <= 0 {
		return 0, false
	}
	memory := int(st.s.peer.Memory)
	free := memory - st.s.outstanding
	// After share more, this stream's outstanding is what is left to others:
	// sent+share = free-reserve-share.
	share := (free - memory/reserving - st.sent) / 2
	few := min(free, fewBytes-st.sent)
	allowed = min(n, max(share, few))
	if allowed < min(n, minShare) {
		return 0, true
	}
	return allowed, false
}

// schedule puts the stream in line if it has something that it may send.
// Called with mu held after each change of what it has or may.
func (st *Stream) schedule() {
	if st.s.err != nil || st.finSent && st.rst == nil || st.rstSent || st.reset != nil {
		return
	}
	pending := st.pending()
	switch {
	case st.rst != nil && !st.linger: // needs no credit
	case pending > 0:
		n, starving := st.allowance(pending)
		if starving {
			st.s.starved.push(st)
		}
		if n == 0 {
			return
		}
	case st.rst == nil && !(st.finWanted && !st.finSent):
		return
	}
	st.s.ready.push(st)
	st.s.press()
}

// emit appends the stream's next frame, or its last ones, to out. Called by
// who writes, with mu held.
func (st *Stream) emit(out []byte) []byte {
	if st.rstSent || st.reset != nil {
		return out
	}
	if len(st.sbuf) == 0 && st.sources() {
		return st.emitDrawn(out)
	}
	src := &st.wp
	if len(st.sbuf) > 0 {
		src = &st.sbuf
	}
	n, _ := st.allowance(min(len(*src), wire.MaxPayload))
	all := n == st.pending()
	fin := all && st.finWanted && !st.finSent
	if n > 0 || fin {
		out = wire.Data{Stream: st.id, FIN: fin, Payload: (*src)[:n]}.Append(out)
		st.finSent = st.finSent || fin
		st.sending(n)
		if src == &st.sbuf {
			st.sbuf = st.sbuf[:copy(st.sbuf, st.sbuf[n:])]
			if len(st.sbuf) == 0 {
				st.freeBuffer()
			}
		} else {
			st.wp = st.wp[n:]
		}
		st.wcond.Broadcast()
	}
	if st.rst != nil && (all || n == 0 && !st.linger) {
		out = st.rst.Append(out)
		st.rstSent, st.lost = true, !all || st.finWanted && !st.finSent
		st.wcond.Broadcast()     // for Flush
		st.reported(st.consumed) // SPEC.md 4: a RESET sent counts as CREDIT
		st.freeBuffer()
	}
	st.settle()
	return out
}

// onCredit handles a CREDIT. Called with mu held.
func (st *Stream) onCredit(f wire.Credit) {
	s := st.s
	if int64(f.Consumed) > int64(st.sent) {
		s.breach(wire.FlowControl, f.String()+": more than was sent")
		return
	}
	if int64(st.window)+int64(f.Grow) > wire.MaxWindow {
		s.breach(wire.FlowControl, f.String()+": window too wide")
		return
	}
	st.window += int(f.Grow)
	st.credit(int(f.Consumed))
	st.schedule()
	st.settle()
}

// credit takes n bytes off what is outstanding.
func (st *Stream) credit(n int) {
	s := st.s
	st.sent -= n
	s.outstanding -= n
	if st.sent == 0 {
		st.wcond.Broadcast() // for Flush
	}
	// Each in line gets one look: who still starves goes to its end.
	for i := s.starved.len(); i > 0 && n > 0; i-- {
		s.starved.pop().schedule()
	}
}

// onReset handles a RESET. Called with mu held.
func (st *Stream) onReset(f wire.Reset) {
	if st.reset != nil {
		return
	}
	st.reset = &ResetError{Code: f.Code, Text: f.Text}
	st.credit(st.sent) // SPEC.md 4: a RESET sent counts as CREDIT
	st.freeBuffer()
	if st.closed {
		st.discard()
	}
	st.end()
	st.report()
	st.settle()
}
