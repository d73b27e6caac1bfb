package http2split

import (
	"slices"

	"golang.org/x/net/http2/hpack"
)

// unlimited is the window of streams whose flow control is not ours.
const unlimited = 1 << 40

// stream is one that has not ended in both directions.
type stream struct {
	id     uint32  // as the caller says it
	app    uint32  // as it is said to the app
	client *client // nil: it is the app's

	callerEnded, sideEnded bool // END_STREAM was read

	up, down flow   // to the client; to the caller
	in       inflow // from the caller, of the client's streams
	back     inflow // from the client

	opened  bool                // the client may have it
	begun   bool                // HEADERS were sent to the client
	head    []hpack.HeaderField // as they came, until opened
	size    int                 // of the request's fields, until begun
	unpaid  int                 // data that no credit is given for until opened
	granted int                 // credit of the caller until opened
}

func (s *split) newStream(id uint32) *stream {
	st := &stream{id: id, app: id}
	st.down = flow{stream: st, id: id, window: unlimited}
	s.streams[id] = st
	return st
}

// settled forgets st if it is over.
func (s *split) settled(st *stream) {
	if st.callerEnded && st.sideEnded && len(st.up.items) == 0 && len(st.down.items) == 0 {
		s.remove(st)
	}
}

// remove forgets st, and what waits in it. Whoever has to know has been told.
func (s *split) remove(st *stream) {
	if s.streams[st.id] != st {
		return
	}
	delete(s.streams, st.id)
	delete(s.byApp, st.app)
	left := s.caller.out.drop(&st.down)
	if c := st.client; c != nil {
		s.abandon(st)
		c.repay(left)
		c.settle()
	} else if left > 0 {
		s.ahead -= left
		s.caller.out.room.Broadcast()
		s.app.out.windowUpdate(0, left) // the caller will not
	}
	s.settle()
}

// abandon takes st from its client, and what was to be sent there.
func (s *split) abandon(st *stream) {
	c := st.client
	s.divided--
	s.release(c.out.drop(&st.up) + st.size)
	s.pay(st.unpaid)
	st.unpaid = 0
	st.size = 0
	if st.opened {
		c.active--
		c.admit()
	} else if i := slices.Index(c.waiting, st); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
}

// reset ends st for the caller.
func (s *split) reset(st *stream, c code) {
	s.greet()
	s.caller.out.raw(appendReset(nil, st.id, c)...)
	s.remove(st)
}

// numberForApp gives st an id that the app takes: they only rise
// (RFC 9113 5.1.1), and a stream that falls back comes late.
func (s *split) numberForApp(st *stream) {
	if st.app <= s.lastApp {
		st.app = s.lastApp + 2
		s.byApp[st.app] = st.id
		s.caller.out.encode() // raw blocks would have the app's id
	}
	s.lastApp = st.app
}

// ofApp is the stream that the app calls id, or nil.
func (s *split) ofApp(id uint32) *stream {
	if ours, ok := s.byApp[id]; ok {
		id = ours
	} else if st := s.streams[id]; st == nil || st.app != id {
		return nil
	}
	if st := s.streams[id]; st != nil && st.client == nil {
		return st
	}
	return nil
}
