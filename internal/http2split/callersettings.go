package http2split

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
