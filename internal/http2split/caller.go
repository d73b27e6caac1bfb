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

// typePriorityUpdate names a stream in its payload (RFC 9218 7.1).
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
