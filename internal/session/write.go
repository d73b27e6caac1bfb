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

// writeLoop writes frames until the session has ended and its last frames are
// out: control frames first, then what streams have to announce, then one frame
// of each stream in turn.
func (s *Session) writeLoop() {
	defer s.link.Close()
	out := make([]byte, 0, gather+wire.HeaderLen+wire.MaxPayload)
	limit := gather
	for {
		s.mu.Lock()
		for len(s.control) == 0 && s.notices.len() == 0 && s.ready.len() == 0 && s.err == nil {
			s.writable.Wait()
		}
		// Who is about to write, too, does it first: one write instead of several.
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
		out = s.collect(out[:0], limit)
		ended := s.err != nil
		s.mu.Unlock()
		if len(out) > 0 {
			if ended {
				s.link.SetWriteDeadline(time.Now().Add(flushTime))
			}
			begin := time.Now()
			if _, err := s.link.Write(out); err != nil {
				s.writeFailed(err)
				return
			}
			switch took := time.Since(begin); {
			case took > longWrite:
				limit = max(limit/2, minGather)
			case took < longWrite/4:
				limit = min(limit*2, gather)
			}
		}
		if ended {
			return
		}
	}
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
	s.writable.Signal()
}
