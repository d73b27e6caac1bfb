package session

import (
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// consume counts n bytes as read by the application, widens the window if it
// is what limits the peer, and reports when it is time to. Called with mu held.
func (st *Stream) consume(n int) {
	if n == 0 || st.rstSent {
		return // a RESET has told the peer to forget this stream's bytes
	}
	st.consumed += n
	st.s.unsaid += n
	st.round += n
	atOnce := st.s.thrifty || st.finRecv || st.reset != nil || st.closed
	kept := 0
	if !atOnce && st.s.hurried(st) {
		kept = st.rwindow - st.lean
	}
	if (kept > 0) != (st.kept > 0) {
		st.beginRounds()
	}
	st.kept = kept
	window, part := st.rwindow-kept, 4
	if kept > 0 {
		part = 2 // it is small, and a report takes time from those in a hurry
	}
	switch {
	case st.round >= window/2:
		st.reportWith(st.growth(window))
	case atOnce, st.consumed-kept >= window/part:
		st.reportWith(0)
	}
}

// beginRounds begins to count anew, for a window of another width.
func (st *Stream) beginRounds() {
	st.round, st.began = 0, time.Now()
	st.lastRounds = [2]time.Duration{never, never}
}

// slack is how long bytes may wait on the path beside the round trip, because
// whoever passes them on does not do so at once.
const slack = 20 * time.Millisecond

// never is longer than any round that counts.
const never = time.Hour

// growth ends a round of half of what the window is now, and says how much wider
// it should be. If the last three rounds took hardly more than two round trips,
// then the window, not the path or the application, may be what bounds the peer:
// it doubles, or more. Two could be a single window that was held up somewhere
// and came at once; the third comes of a CREDIT for them. Growth ends where the
// window is a few times what is on the path at a time: more would only wait
// somewhere, and other streams' bytes behind it.
func (st *Stream) growth(window int) int {
	took := time.Since(st.began)
	three := took + st.lastRounds[0] + st.lastRounds[1]
	st.lastRounds = [2]time.Duration{took, st.lastRounds[0]}
	st.began = time.Now()
	st.round = 0
	s := st.s
	if s.thrifty || st.finRecv || st.reset != nil || s.rtt == 0 || three > 2*s.rtt+slack {
		return 0
	}
	most := min(wire.MaxWindow, s.cfg.Memory)
	if three <= 2*s.rtt+s.rtt/2 { // so much is on the path by itself
		st.lean = max(st.lean, min(2*window, most))
	}
	if s.hurried(st) {
		return max(st.lean-st.rwindow, 0)
	}
	wider := 2 * st.rwindow
	if three <= 2*s.rtt { // nothing but the window took time
		wider *= 2
	}
	return min(wider, most) - st.rwindow
}

// report tells the peer what was consumed since the last report.
func (st *Stream) report() {
	st.kept = 0
	st.reportWith(0)
}

func (st *Stream) reportWith(grow int) {
	if st.consumed <= st.kept && grow == 0 {
		return
	}
	st.rwindow += grow
	st.grow += grow
	st.creditDue = true
	st.announce()
}

// reported counts n bytes that were consumed as known to the peer.
func (st *Stream) reported(n int) {
	st.s.unsaid -= n
	st.consumed -= n
	st.grow = 0
}

// saveMemory watches how much of the session's memory the peer believes to be
// in use. Reports are few as long as there is plenty. When half is in use the
// peer gives each stream less than its window, so nothing may be kept back:
// what was read and not reported would be room that nobody can use, and two
// sides could wait for each other. Called with mu held after either has grown.
func (s *Session) saveMemory() {
	used := s.held + s.unsaid
	switch {
	case !s.thrifty && used >= s.cfg.Memory/2:
		s.thrifty = true
		for _, st := range s.streams {
			st.report()
		}
	case s.thrifty && used < s.cfg.Memory/4:
		s.thrifty = false
	}
}
