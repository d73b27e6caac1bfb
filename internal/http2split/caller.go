package http2split

import "encoding/binary"

// fromCaller handles one frame of the caller.
func (s *split) fromCaller(f *frame) error {
	switch {
	case s.ending:
		return nil
	case f.typ == typeHeaders:
		return s.callerFields(f)
	case f.typ == typeSettings:
		return s.callerSettings(f)
	case f.typ == typePushPromise:
		return &connError{codeProtocol, "PUSH_PROMISE from a client"} // RFC 9113 8.4
	case f.typ == typeData:
		if err := s.spent(len(f.data) + f.pad); err != nil {
			return err
		}
	case f.typ == typeWindowUpdate && f.id == 0:
		n := int(f.number() & maxID)
		switch {
		case s.mirror:
			return nil
		case n == 0:
			return &connError{codeProtocol, "WINDOW_UPDATE of 0"} // RFC 9113 6.9
		case s.caller.out.window+n > maxID:
			return &connError{codeFlowControl, "connection window too large"}
		}
		s.granted(f, n)
		return nil
	}
	if f.id == 0 {
		return s.callerConnection(f)
	}
	st := s.streams[f.id]
	switch {
	case st == nil:
		return s.callerStray(f)
	case st.client != nil:
		return s.callerToClient(st, f)
	}
	s.app.out.raw(f.renumbered(st.app)...)
	if f.ends() {
		st.callerEnded = true
		s.settled(st)
	} else if f.typ == typeRSTStream {
		s.remove(st)
	}
	return nil
}

// callerConnection handles a frame that belongs to no stream.
func (s *split) callerConnection(f *frame) error {
	ping := f.typ == typePing && !f.has(flagAck)
	if st := s.forClient(f); st != nil {
		if st.opened && st.client.out.buffered() < maxControl {
			st.client.out.raw(f.raw...)
		}
	} else if !ping || s.appHere && !s.diverted {
		s.app.out.raw(f.raw...)
	} else if s.caller.out.buffered() > maxControl {
		return &connError{codeCalm, "too many PINGs"}
	} else {
		s.greet()
		s.caller.out.raw(append(appendHeader(nil, 8, typePing, flagAck, 0), f.payload...)...)
	}
	return nil
}

// callerStray handles a frame of a stream that is not, or is no more. The app
// may get it as long as it has the same streams as the caller.
func (s *split) callerStray(f *frame) error {
	switch {
	case s.app.out.enc == nil:
		s.app.out.raw(f.raw...)
	case f.typ == typePriority && f.id > s.last && f.id > s.lastApp:
		s.app.out.raw(f.raw...)
	case s.mirror:
	case f.typ == typeData && f.id <= s.last:
		s.pay(len(f.data) + f.pad)
	case f.id > s.last && f.typ <= typeContinuation && f.typ != typePriority:
		return &connError{codeProtocol, "frame on an idle stream"} // RFC 9113 5.1
	}
	return nil
}

// callerFields handles HEADERS: a request, or trailers.
func (s *split) callerFields(f *frame) error {
	st := s.streams[f.id]
	switch {
	case st != nil && st.client != nil:
		return s.callerToClient(st, f)
	case st != nil:
		s.fieldsToApp(st, f)
		if f.ends() {
			st.callerEnded = true
			s.settled(st)
		}
		return nil
	case f.id <= s.last:
		if s.app.out.enc == nil {
			s.app.out.raw(f.raw...)
		}
		return nil
	case f.id%2 == 0:
		return &connError{codeProtocol, "request on a server's stream"} // RFC 9113 5.1.1
	}
	s.last = f.id
	return s.choose(f)
}

// choose gives a new stream to the app or to a client.
func (s *split) choose(f *frame) error {
	switch {
	case f.id > s.refuse:
		s.turnAway(f)
		return nil
	case len(s.streams) >= maxStreams, s.lastApp > maxID-2:
		s.turnAway(f)
		return nil
	}
	matches := f.matches && !s.drained()
	if matches && s.held > maxHeld {
		s.turnAway(f)
		return nil
	}
	if matches && s.cfg.Matched != nil {
		s.cfg.Matched()
	}
	switch {
	case matches && !s.all:
		s.divert(f)
	case s.appHere:
		st := s.newStream(f.id)
		s.numberForApp(st)
		if s.all && s.cfg.Forwarded != nil {
			s.app.out.encode()
			f.fields = s.cfg.Forwarded.add(f.fields)
		}
		s.fieldsToApp(st, f)
		if f.ends() {
			st.callerEnded = true
		}
	default: // on another connection the app may be back
		s.turnAway(f)
		if !s.mirror && s.refuse == maxID {
			s.goAway(f.id, codeNo, "")
		}
	}
	return nil
}

// turnAway refuses a stream that nobody gets (RFC 9113 8.7).
func (s *split) turnAway(f *frame) {
	s.app.out.encode()
	s.greet()
	s.caller.out.raw(appendReset(nil, f.id, codeRefusedStream)...)
}

// fieldsToApp passes a field block on, as it came if the app can read it.
func (s *split) fieldsToApp(st *stream, f *frame) {
	if s.app.out.enc == nil {
		s.app.out.raw(f.raw...)
		return
	}
	before := f.priority
	if st.app != st.id { // it may name a stream by a wrong id; RFC 9113 5.3.2
		before = nil
	}
	s.app.out.fields(typeHeaders, f.flags&flagEndStream, st.app, before, f.fields)
}

// divert gives a new stream to a client.
func (s *split) divert(f *frame) {
	s.app.out.encode()
	s.diverted = true
	if s.client == nil {
		s.client = s.newClient()
	}
	st := s.newStream(f.id)
	st.head = f.fields
	s.divided++
	st.callerEnded = f.ends()
	fields := f.fields
	if s.cfg.Forwarded != nil {
		fields = s.cfg.Forwarded.add(fields)
	}
	s.client.take(st, item{fields: fields, priority: f.priority, end: f.ends()})
}

// callerToClient handles a frame of one of a client's streams.
func (s *split) callerToClient(st *stream, f *frame) error {
	c := st.client
	switch f.typ {
	case typeData, typeHeaders:
		n := len(f.data)
		s.pay(f.pad)
		switch {
		case st.callerEnded: // RFC 9113 5.1, half-closed (remote)
			s.pay(n)
			c.cancel(st, codeStreamClosed)
			s.reset(st, codeStreamClosed)
			return nil
		case f.typ == typeHeaders && !f.ends(): // RFC 9113 8.1
			c.cancel(st, codeProtocol)
			s.reset(st, codeProtocol)
			return nil
		}
		st.callerEnded = f.ends()
		st.in.avail -= n + f.pad
		st.in.owed += f.pad
		if n > 0 {
			s.held += n
			if c.conn == nil {
				st.unpaid += n
			} else {
				s.hold(n)
			}
		}
		if n > 0 || f.ends() {
			c.out.push(&st.up, item{data: f.data, fields: f.fields, end: f.ends()})
		}
	case typeRSTStream:
		c.cancel(st, code(f.number()))
		s.remove(st)
	case typeWindowUpdate:
		n := int(f.number() & maxID)
		switch {
		case s.mirror:
		case n == 0, st.down.window+n > maxID:
			c.cancel(st, codeCancel)
			why := codeFlowControl
			if n == 0 {
				why = codeProtocol
			}
			s.reset(st, why)
		default:
			st.granted += n
			s.caller.out.grant(&st.down, n)
		}
	case typePriority:
	default: // unknown ones may be anything; RFC 9113 5.5
		if st.opened && c.out.buffered() < maxControl {
			c.out.raw(f.raw...)
		}
	}
	return nil
}

// callerSettings handles SETTINGS of the caller. The app acknowledges them.
func (s *split) callerSettings(f *frame) error {
	switch {
	case s.mirror && f.has(flagAck):
		return nil
	case f.has(flagAck):
		if len(s.sent) == 0 {
			break // the app will say what it thinks of it
		}
		of := s.sent[0]
		s.sent = s.sent[1:]
		if !of.app {
			return nil
		}
		s.app.out.raw(f.raw...)
		if of.table >= 0 {
			s.app.out.setTable(uint32(of.table))
		}
		return nil
	}
	all, err := f.settings()
	if err != nil {
		return err
	}
	for _, x := range all {
		if len(s.said) < 64 || x.id <= settingPriorities {
			s.said[x.id] = x.value
		}
	}
	if s.mirror {
		return nil
	}
	if v, ok := s.said[settingTable]; ok && s.appHere {
		s.app.in.table.Store(max(s.app.in.table.Load(), v))
	}
	if v, ok := s.said[settingFrame]; ok && s.appHere {
		s.app.in.frames.Store(max(s.app.in.frames.Load(), v))
	}
	if !s.appHere {
		s.takeSettings(all, true)
		s.greet()
		s.caller.out.raw(appendHeader(nil, 0, typeSettings, flagAck, 0)...)
		if s.caller.out.buffered() > maxControl {
			return &connError{codeCalm, "too many SETTINGS"}
		}
		return nil
	}
	if s.unacked = append(s.unacked, all); len(s.unacked) > maxSettings {
		return &connError{codeCalm, "too many SETTINGS"}
	}
	s.takeSettings(all, false)
	s.app.out.raw(f.raw...)
	return nil
}

// takeSettings applies what the caller has said to what it gets from clients: a
// limit that is lower at once, one that is higher only when it has been told
// that it counts.
func (s *split) takeSettings(all []setting, higher bool) {
	for _, x := range all {
		switch x.id {
		case settingWindow:
			delta := int(x.value) - s.window
			if delta > 0 && !higher {
				continue
			}
			s.window += delta
			for _, st := range s.streams {
				if st.client != nil {
					s.caller.out.grant(&st.down, delta)
				}
			}
		case settingTable:
			if higher || x.value < s.caller.out.table {
				s.caller.out.setTable(x.value)
			}
		}
	}
}

// priorityUpdate names a stream in its payload (RFC 9218 7.1).
const typePriorityUpdate frameType = 0x10

// forClient is the stream of a client that a frame on stream 0 is about.
func (s *split) forClient(f *frame) *stream {
	if f.typ != typePriorityUpdate || len(f.payload) < 4 {
		return nil
	}
	st := s.streams[binary.BigEndian.Uint32(f.payload)&maxID]
	if st == nil || st.client == nil {
		return nil
	}
	return st
}
