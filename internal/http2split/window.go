package http2split

// The connection window of the caller (RFC 9113 5.2). The app gives credit for
// what it gets, we give credit for what it does not get.

// spent is n bytes that the caller has sent.
func (s *split) spent(n int) error {
	if s.avail -= n; s.avail < 0 && !s.mirror {
		return &connError{codeFlowControl, "more data than the connection's window"}
	}
	s.refill()
	s.pay(0)
	return nil
}

// refill passes on what the app gives, as far as the caller is to know: it could
// spend all of it on the client's streams.
func (s *split) refill() {
	n := min(s.reserve, maxAppWindow-s.avail)
	if n <= 0 || n < s.reserve && n < maxAppWindow/4 {
		return
	}
	s.reserve -= n
	s.avail += n
	s.tell(0, n)
}

// pay gives credit for n bytes that the app will not see.
func (s *split) pay(n int) {
	s.owed += n
	if s.owed <= 0 || s.owed < 16<<10 && s.owed < s.avail {
		return
	}
	s.avail += s.owed
	s.tell(0, s.owed)
	s.owed = 0
}

// hold is n bytes that wait for a client. Credit is given at once, so that a
// stream that stalls costs others nothing, unless too much waits already.
func (s *split) hold(n int) {
	if s.held > maxHeld {
		s.withheld += n
	} else {
		s.pay(n)
	}
}

// release is n bytes that wait no longer.
func (s *split) release(n int) {
	s.held -= n
	n = min(n, s.withheld)
	s.withheld -= n
	s.pay(n)
	s.roomier.Broadcast()
}

// granted is n bytes that the caller takes. What it gives for the client's data
// is not for the app.
func (s *split) granted(f *frame, n int) {
	s.caller.out.grantAll(n)
	ours := min(s.debt, n)
	s.debt -= ours
	switch {
	case ours == 0:
		s.app.out.raw(f.raw...)
	case ours < n:
		s.app.out.windowUpdate(0, n-ours)
	}
}

// tell gives the caller credit.
func (s *split) tell(id uint32, n int) {
	if n > 0 {
		s.greet()
		s.caller.out.windowUpdate(id, n)
	}
}
