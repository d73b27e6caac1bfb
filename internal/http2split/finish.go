package http2split

import (
	"errors"
	"time"
)

// callerEOF passes the end of the caller's direction on. Requests that are
// complete may still be answered.
func (s *split) callerEOF() {
	s.callerGone = true
	s.app.out.end()
	for _, st := range s.streams {
		if st.client != nil && !st.callerEnded {
			st.client.cancel(st, codeCancel)
			s.remove(st)
		}
	}
	for c := range s.clients {
		c.retire()
	}
	s.timers = append(s.timers, time.AfterFunc(stallTime, s.giveUp))
	s.settle()
}

// giveUp aborts clients that do not take what a caller has left behind.
func (s *split) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if c.out.waiting > 0 {
			c.abort(errSlow)
		}
	}
}

// breach ends the connection of a caller that does not keep to the protocol
// (RFC 9113 5.4.1).
func (s *split) breach(err *connError) {
	if s.err == nil {
		s.err = err
	}
	s.goAway(s.last, err.code, err.text)
	for _, st := range s.streams { // what they still have is for nobody
		s.caller.out.drop(&st.down)
	}
	s.hangUp(err)
	s.finish()
}

// abort ends all connections so that their far ends see it.
func (s *split) abort(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && !s.ending {
		s.err = err
	}
	s.ending = true
	s.caller.conn.Abort(err)
	s.caller.out.fail(cause(err))
	s.hangUp(err)
}

// leave closes the connection of a caller that has been told all, and those
// that it was for.
func (s *split) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	s.caller.conn.Close()
	s.hangUp(nil)
}

// hangUp aborts the connections to the app and to clients.
func (s *split) hangUp(err error) {
	if s.app.conn != nil {
		s.app.conn.Abort(err)
		s.app.out.fail(cause(err))
	}
	for c := range s.clients {
		c.abort(err)
	}
	s.roomier.Broadcast()
}

var errOver = errors.New("the connection is over")

func cause(err error) error {
	if err == nil {
		return errOver
	}
	return err
}

// settle ends what has nothing left to do.
func (s *split) settle() {
	switch {
	case s.ending || s.mirror:
	case s.draining && s.grace && len(s.streams) == 0:
		s.goAway(s.last, codeNo, "")
		s.finish()
	case s.appEnded && s.divided == 0:
		s.finish()
	case s.callerGone && !s.appHere && len(s.clients) == 0:
		s.finish()
	}
}

// finish writes what waits, and ends.
func (s *split) finish() {
	s.ending = true
	s.refuse = min(s.refuse, s.last)
	s.caller.out.end()
	s.app.out.end()
	for c := range s.clients {
		c.retire()
	}
}

// drain asks the caller to go when there is to be no more matching.
func (s *split) drain() {
	select {
	case <-s.cfg.Drain:
	case <-s.donec:
		return
	}
	s.mu.Lock()
	s.draining = true
	if s.all {
		s.goAway(s.last, codeNo, "")
	} else {
		s.goAway(maxID, codeNo, "")
	}
	s.mu.Unlock()
	s.after(graceTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.grace = true
		s.settle()
	})
}

// goAway tells the caller that streams after last are for another connection.
func (s *split) goAway(last uint32, c code, text string) {
	s.greet()
	s.refuse = min(s.refuse, last)
	s.caller.out.raw(appendGoAway(nil, s.refuse, c, text)...)
}

// greet sends SETTINGS of our own if the app has not sent any: they are the
// first that a caller gets (RFC 9113 3.4).
func (s *split) greet() {
	if !s.greeted {
		s.greeted = true
		s.sent = append(s.sent, sent{table: -1})
		s.caller.out.raw(appendSettings(nil)...)
	}
}
