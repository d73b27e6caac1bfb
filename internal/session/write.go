package session

import (
	"fmt"
	"runtime"
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// How many bytes are collected for one write to the link: fewer where a write
// takes long, because what comes meanwhile, were it a keystroke, has to wait.
const (
	gather    = 8 * (wire.MaxPayload - 128) // as many frames that were drawn
	minGather = 16 << 10
	longWrite = 4 * time.Millisecond
)

// writer is what whoever writes the link needs: the goroutine of writeLoop, or
// one that finds nobody writing and nothing waiting (writeAtOnce).
type writer struct {
	busy     bool   // somebody writes
	out      []byte // what; used again
	limit    int    // about how much of it at a time
	writeErr error  // why nobody can any more
}

// writeLoop writes frames until the session has ended and its last frames are
// out.
func (s *Session) writeLoop() {
	defer s.link.Close()
	for {
		s.mu.Lock()
		for s.busy || !s.pressing() {
			s.writable.Wait()
		}
		s.busy = true
		// Who is about to write, too, does it first: one write instead of several.
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
		last := s.writeOut()
		err := s.writeErr
		s.mu.Unlock()
		switch {
		case err != nil:
			s.writeFailed(err)
			return
		case last:
			return
		}
	}
}

// pressing reports whether there is something for the writer to do. Called with
// mu held.
func (s *Session) pressing() bool {
	return len(s.control) > 0 || s.notices.len() > 0 || s.ready.len() > 0 || s.err != nil || s.writeErr != nil
}

// press says that there is. Who is busy looks again. Called with mu held.
func (s *Session) press() {
	if !s.busy {
		s.writable.Signal()
	}
}

// writeAtOnce is schedule, and if nobody writes and nothing waits this goroutine
// writes what that put in line: for a few bytes, waking another one takes longer.
// Called with mu held, which it may give up.
func (st *Stream) writeAtOnce() {
	s := st.s
	if s.busy || s.pressing() {
		st.schedule()
		return
	}
	s.busy = true
	st.schedule()
	s.writeOut()
	if s.pressing() {
		s.press()
	}
}

// writeOut writes control frames first, then what streams have to announce, then
// one frame of each stream in turn, and reports whether those are the last.
// Called with busy set, which it ends, and with mu held, which it gives up while
// it writes.
func (s *Session) writeOut() (last bool) {
	s.out = s.collect(s.out[:0], s.limit)
	last = s.err != nil
	if len(s.out) > 0 && s.writeErr == nil {
		s.mu.Unlock()
		if last {
			s.link.SetWriteDeadline(time.Now().Add(flushTime))
		}
		begin := time.Now()
		_, err := s.link.Write(s.out)
		took := time.Since(begin)
		s.mu.Lock()
		s.writeErr = err
		switch {
		case took > longWrite:
			s.limit = max(s.limit/2, minGather)
		case took < longWrite/4:
			s.limit = min(s.limit*2, gather)
		}
	}
	s.busy = false
	return last
}

// writeFailed ends the session because writing the link failed, unless the
// reader finds out more within a moment: a peer that leaves says why in a
// GOAWAY, which may still wait to be read.
func (s *Session) writeFailed(err error) {
	select {
	case <-s.endc:
	case <-time.After(flushTime):
		s.mu.Lock()
		s.linkFailed(notEOF(err))
		s.mu.Unlock()
	}
}

// collect appends what goes into the next write to out, not much more than
// limit. Called with mu held.
func (s *Session) collect(out []byte, limit int) []byte {
	out = append(out, s.control...)
	s.control = s.control[:0]
	if cap(s.control) > gather {
		s.control = nil
	}
	for s.err == nil && len(out) < limit {
		switch {
		case s.notices.len() > 0: // an OPEN among them goes before its data
			out = s.notices.pop().emitNotices(out)
		case s.ready.len() > 0:
			st := s.ready.pop()
			out = st.emit(out)
			st.schedule()
		default:
			return out
		}
	}
	if s.err != nil { // since a source was read: the last words came later
		out = append(out, s.control...)
		s.control = s.control[:0]
	}
	return out
}

// sendControl queues a PING, a GOAWAY or a refusal. A peer that provokes more of
// them than it reads ends the session. Called with mu held.
func (s *Session) sendControl(f wire.Frame) {
	if s.err != nil {
		return
	}
	if len(s.control) > wire.MaxControl {
		s.control = s.control[:0]
		s.breach(wire.Flood, fmt.Sprintf("%d bytes of control frames were not read", wire.MaxControl))
		return
	}
	s.control = f.Append(s.control)
	s.press()
}
