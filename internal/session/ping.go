package session

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// quietTrips is how many round trips tell what the path takes. A machine that is
// busy with something else for a moment makes no longer path, and much would be
// on the way for nothing if it did; half a minute of that counts.
const quietTrips = 6

// alive is what a session knows about its peer being there (SPEC.md 5).
type alive struct {
	heard atomic.Int64 // when the peer was last heard, since epoch

	// guarded by Session.mu
	epoch    time.Time
	pinger   *time.Timer
	watchdog *time.Timer               // goes off when the peer may have been silent for too long
	rtt      time.Duration             // what the path takes when it is quiet: the least of trips; 0 before the first answer
	trips    [quietTrips]time.Duration // what the last answers that count took, the latest first
	moved    int64                     // bytes of data, in both directions
	asked    int64                     // moved, when the last PING was sent
	first    int                       // answers to come to PINGs that follow each other at once
}

func (a *alive) hear() { a.heard.Store(int64(time.Since(a.epoch))) }

// startPinging sends the first pings, one after the other, which measure the
// round trip, and then one every pingEvery. Called with mu held.
func (s *Session) startPinging() {
	s.epoch = time.Now()
	s.first = firstPings
	for i := range s.trips {
		s.trips[i] = never
	}
	s.ping()
	s.pinger = time.AfterFunc(pingEvery, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err == nil {
			s.ping()
			s.pinger.Reset(pingEvery)
		}
	})
	s.watchdog = time.AfterFunc(deadAfter, s.watch)
}

// watch ends the session if the peer was silent for deadAfter, else looks again
// when it may have been.
func (s *Session) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	silent := time.Since(s.epoch) - time.Duration(s.heard.Load())
	if silent < deadAfter {
		s.watchdog.Reset(deadAfter - silent)
		return
	}
	s.end(&Error{Code: wire.SessionLost, Text: fmt.Sprintf("peer was silent for %v", silent.Round(time.Second))})
}

func (s *Session) stopPinging() {
	s.pinger.Stop()
	s.watchdog.Stop()
}

// ping asks for an answer; the question carries its own time.
func (s *Session) ping() {
	s.asked = s.moved
	var p wire.Ping
	binary.BigEndian.PutUint64(p.Data[:], uint64(time.Since(s.epoch)))
	s.sendControl(p)
}

// onPing handles a PING. Called with mu held.
func (s *Session) onPing(p wire.Ping) {
	if !p.ACK {
		p.ACK = true
		s.sendControl(p)
		return
	}
	took := time.Since(s.epoch) - time.Duration(binary.BigEndian.Uint64(p.Data[:]))
	if took < 0 || took > deadAfter {
		return // not an answer to a question of ours
	}
	took = max(took, time.Microsecond)
	// Where nothing else was on the way, this is what the path takes now. Else it
	// may have waited behind bulk data, or at the start for a path that was cold,
	// and only tells that the path takes no longer.
	quiet := s.moved == s.asked && s.first == 0
	if s.rtt == 0 || quiet || took < s.rtt {
		copy(s.trips[1:], s.trips[:])
		s.trips[0] = took
		s.rtt = slices.Min(s.trips[:])
	}
	if s.first > 0 {
		if s.first--; s.first > 0 {
			s.ping()
		}
	}
}
