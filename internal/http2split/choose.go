package http2split

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
