package http2split

// sentToClient is n bytes, or another item, that have left a flow to a client.
func (s *split) sentToClient(fl *flow, n int) {
	st := fl.stream
	st.begun = true
	s.release(n + st.size)
	st.size = 0
	if !st.callerEnded && n > 0 {
		s.tell(st.id, st.in.credit(n))
	}
	s.settled(st)
}

// sentToCaller is n bytes, or another item, that have left a flow to the caller.
func (s *split) sentToCaller(fl *flow, n int) {
	st := fl.stream
	if c := st.client; c == nil {
		s.ahead -= n
		s.caller.out.room.Broadcast()
	} else {
		s.debt += n
		c.repay(n)
		if !st.sideEnded && n > 0 && !c.gone {
			c.out.windowUpdate(st.id, st.back.credit(n))
		}
	}
	s.settled(st)
}
