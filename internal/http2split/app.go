package http2split

import (
	"encoding/binary"
	"errors"
	"io"
)

// maxAhead is how much data of the app may wait for the caller's window.
const maxAhead = 1 << 20

// readApp handles what the app sends, to its end.
func (s *split) readApp() {
	err := s.readOther()
	for err == nil {
		var f *frame
		if f, err = s.app.in.next(); err != nil {
			break
		}
		s.mu.Lock()
		s.caller.out.wait(maxQueue)
		err = s.fromApp(f)
		for s.ahead > maxAhead && s.caller.out.err == nil {
			s.caller.out.room.Wait()
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.appLost(err)
}

// readOther passes on what is not HTTP/2: an app that does not speak it says so
// in its own way.
func (s *split) readOther() error {
	h, _ := s.app.in.br.Peek(headerLen)
	if len(h) == headerLen && frameType(h[3]) == typeSettings && binary.BigEndian.Uint32(h[5:]) == 0 {
		return nil
	}
	s.mu.Lock()
	greeted := s.greeted
	s.greeted = true // not by us any more
	s.mu.Unlock()
	if greeted {
		return &connError{codeProtocol, "the app does not speak HTTP/2"}
	}
	b := make([]byte, 16<<10)
	for {
		n, err := s.app.in.br.Read(b)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.caller.out.wait(maxQueue)
		s.caller.out.raw(b[:n]...)
		s.mu.Unlock()
	}
}

// fromApp handles one frame of the app.
func (s *split) fromApp(f *frame) error {
	switch f.typ {
	case typeSettings:
		return s.appSettings(f)
	case typeGoAway:
		s.appGoAway(f)
		return nil
	case typeWindowUpdate:
		if f.id == 0 {
			s.reserve += int(f.number() & maxID)
			s.refill()
			return nil
		}
	}
	s.greet()
	if f.id == 0 {
		s.caller.out.raw(f.raw...)
		return nil
	}
	st := s.ofApp(f.id)
	if s.caller.out.enc == nil {
		s.answerRaw(st, f)
	} else if st != nil {
		s.answer(st, f)
	} else if f.typ == typeData {
		s.app.out.windowUpdate(0, len(f.data)+f.pad)
	}
	return nil
}

// answerRaw passes a frame of a stream on as it came.
func (s *split) answerRaw(st *stream, f *frame) {
	s.caller.out.window -= len(f.data) + f.pad
	s.caller.out.raw(f.raw...)
	switch {
	case f.typ == typePushPromise:
		s.newStream(f.promised).callerEnded = true
	case st == nil:
	case f.typ == typeRSTStream:
		s.remove(st)
	case f.ends():
		st.sideEnded = true
		s.settled(st)
	}
}

// answer passes a frame on as its stream and the caller's windows allow.
func (s *split) answer(st *stream, f *frame) {
	switch f.typ {
	case typePushPromise:
		s.newStream(f.promised).callerEnded = true
		s.caller.out.promise(st.id, f.promised, f.fields)
	case typeData, typeHeaders:
		s.app.out.windowUpdate(st.app, f.pad) // padding ends here
		s.app.out.windowUpdate(0, f.pad)
		st.sideEnded = st.sideEnded || f.ends()
		if len(f.data) > 0 || f.typ == typeHeaders || f.ends() {
			s.ahead += len(f.data)
			s.caller.out.push(&st.down, item{data: f.data, fields: f.fields, priority: f.priority, end: f.ends()})
		}
		s.settled(st)
	case typeRSTStream:
		s.resetBySide(st, code(f.number()))
	default:
		s.caller.out.raw(f.renumbered(st.id)...)
	}
}

// resetBySide is RST_STREAM of the app or of a client. What is complete still
// reaches the caller (RFC 9113 8.1).
func (s *split) resetBySide(st *stream, c code) {
	if st.sideEnded && len(st.down.items) > 0 {
		if st.client != nil {
			s.release(st.client.out.drop(&st.up))
		}
		st.callerEnded = true
		s.caller.out.push(&st.down, item{reset: true, code: c})
		s.settled(st)
		return
	}
	s.reset(st, c)
}

// appSettings handles SETTINGS of the app, which are for the caller.
func (s *split) appSettings(f *frame) error {
	if f.has(flagAck) {
		if len(s.unacked) > 0 {
			s.takeSettings(s.unacked[0], true)
			s.unacked = s.unacked[1:]
		}
		s.caller.out.raw(f.raw...)
		return nil
	}
	all, err := f.settings()
	if err != nil {
		return err
	}
	said := sent{app: true, table: -1}
	for _, x := range all {
		switch x.id {
		case settingTable:
			said.table = int(x.value)
			s.caller.in.table.Store(max(s.caller.in.table.Load(), x.value))
		case settingFrame:
			s.caller.in.frames.Store(max(s.caller.in.frames.Load(), x.value))
		case settingWindow:
			delta := int(x.value) - s.appWindow
			s.appWindow += delta
			for _, st := range s.streams {
				st.in.avail += delta
				st.in.owed -= delta
			}
		}
	}
	if s.sent = append(s.sent, said); len(s.sent) > maxSettings {
		return &connError{codeCalm, "too many SETTINGS"}
	}
	s.greeted = true
	s.caller.out.raw(f.raw...)
	return nil
}

// appGoAway handles GOAWAY of the app. The caller must not take streams of
// clients for unprocessed because of it (RFC 9113 6.8).
func (s *split) appGoAway(f *frame) {
	s.greet()
	last := binary.BigEndian.Uint32(f.payload) & maxID
	above := last
	for _, st := range s.streams {
		if st.client != nil {
			above = max(above, st.id)
		} else if ours := s.byApp[st.app]; ours != 0 && st.app <= last {
			above = max(above, ours)
		}
	}
	if len(s.byApp) > 0 {
		above = max(above, min(s.last, maxID))
	}
	for _, st := range s.streams {
		if st.client == nil && st.app > last && st.id <= above {
			s.reset(st, codeRefusedStream)
		}
	}
	s.refuse = min(s.refuse, above)
	if above != last {
		binary.BigEndian.PutUint32(f.payload, above)
	}
	s.caller.out.raw(f.raw...)
}

// appLost is the end of what the app sends.
func (s *split) appLost(err error) {
	s.appHere, s.appEnded = false, true
	s.app.out.end()
	s.app.out.deaf = true
	if s.ending {
		return
	}
	var breach *connError
	if errors.As(err, &breach) {
		s.app.conn.Abort(err)
	}
	if s.divided == 0 {
		s.ending = true
		if err == io.EOF {
			s.finish()
			return
		}
		if s.err == nil {
			s.err = err
		}
		s.caller.conn.Abort(err)
		s.caller.out.fail(err)
		s.hangUp(err)
		return
	}
	for _, all := range s.unacked {
		s.takeSettings(all, true)
		s.caller.out.raw(appendHeader(nil, 0, typeSettings, flagAck, 0)...)
	}
	s.unacked = nil
	s.app.out.encode() // it misses blocks from now on
	s.goAway(s.last, codeNo, "")
	for _, st := range s.streams {
		if st.client == nil && !st.sideEnded {
			s.reset(st, codeInternal)
		}
	}
	s.pay(max(0, defaultWindow-s.avail-s.owed)) // what the app has taken it gives back no more
	s.settle()
}
