package httpsplit

import (
	"errors"
	"io"
	"sync"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
)

// exchange is a request and its answer.
type exchange struct {
	side   *side
	method string
	raw    bool          // not a request but all that follows, in both directions
	donec  chan struct{} // closed when it is answered

	// Set before donec is closed.
	tunnel bool  // what follows, in both directions, is no HTTP
	last   bool  // the caller's connection ends with it
	err    error // why the answer broke off
}

// serve serves requests until the last is answered.
func (s *split) serve() {
	endc := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(s.answer)
	if s.cfg.Drain != nil {
		wg.Go(func() {
			select {
			case <-s.cfg.Drain:
				s.close()
			case <-endc:
			}
		})
	}
	tunnel, err := s.requests()
	if err != nil {
		s.abort(err)
		s.interruptSides(err)
	}
	close(s.answers)
	close(endc)
	wg.Wait()
	switch {
	case tunnel != nil:
		s.caller.setReadDeadline(0)
		relay.Join(s.caller, tunnel)
	case err == nil && s.err == nil:
		s.caller.CloseWrite()
		s.caller.setReadDeadline(lingerTime)
		io.Copy(io.Discard, s.caller.Conn)
	}
}

// interruptSides lets answers end that will not be heard.
func (s *split) interruptSides(err error) {
	for _, c := range []*side{s.app, s.client} {
		if c != nil {
			c.Abort(err)
		}
	}
}

// requests reads and forwards requests to the caller's end, or until an answer
// is the last. It returns the side that the caller has a tunnel to, if so.
func (s *split) requests() (tunnel *side, err error) {
	for {
		more, err := s.awaitRequest()
		if err != nil || !more {
			return nil, err
		}
		raw, err := readHead(s.caller.br)
		var r *request
		if err == nil {
			r, err = parseRequest(raw)
		}
		switch {
		case s.isOver():
			return nil, nil
		case errors.Is(err, errStrange), errors.Is(err, errTooLong), err == io.EOF:
			return nil, s.rest(raw)
		case err != nil:
			return nil, err
		}
		e, err := s.forward(r)
		if err != nil || e == nil {
			return nil, err
		}
		if r.tunnels() {
			if <-e.donec; e.tunnel {
				return e.side, nil
			}
		}
	}
}

// awaitRequest waits for the first byte of a request. There is no more at the
// caller's end, or when the connection is over.
func (s *split) awaitRequest() (more bool, err error) {
	s.mu.Lock()
	s.waiting = true
	if s.caller.br.Buffered() == 0 {
		s.closeIdle()
	}
	s.mu.Unlock()
	_, err = s.caller.br.Peek(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = false
	switch {
	case s.over:
		return false, nil
	case err == io.EOF: // the answers may still come
		for _, c := range []*side{s.app, s.client} {
			if c != nil {
				c.CloseWrite()
			}
		}
		return false, nil
	case err != nil:
		return false, err
	}
	s.caller.setReadDeadline(0)
	return true, nil
}

// begin chooses the side of what comes next, and makes its place in the order
// of answers. Nothing goes to one side while the other has still to answer. It
// returns nil if there will be no more answers.
func (s *split) begin(e *exchange, client bool) (*exchange, error) {
	open := s.openApp
	if client {
		open = s.openClient
	}
	if s.last != nil && (client != (s.last.side == s.client)) && !s.settle() {
		return nil, nil
	}
	var err error
	if e.side, err = open(); err != nil {
		if !s.settle() {
			return nil, nil
		}
		return nil, err
	}
	if s.last != nil && s.last.side != e.side && !s.settle() { // fallback, or another connection
		return nil, nil
	}
	e.donec = make(chan struct{})
	s.mu.Lock()
	s.pending++
	s.mu.Unlock()
	s.last = e
	s.answers <- e
	return e, nil
}

// settle waits until all requests are answered, and tells that there may be
// more.
func (s *split) settle() bool {
	if s.last != nil {
		<-s.last.donec
	}
	return !s.isOver()
}

// forward sends a request where it belongs. It returns nil if there will be no
// answer.
func (s *split) forward(r *request) (*exchange, error) {
	m := &httpfilter.Request{Method: r.method, Path: r.path, Fields: r.fields}
	client := !s.drained() && s.cfg.Filter.Match(m)
	e, err := s.begin(&exchange{method: r.method}, client)
	if e == nil || err != nil {
		return nil, err
	}
	head := r.raw
	if client && e.side == s.client {
		if s.cfg.Matched != nil {
			s.cfg.Matched()
		}
		if s.cfg.Forwarded != nil {
			head = withForwarded(head, s.cfg.Forwarded)
		}
	}
	_, err = e.side.Write(head)
	if err == nil && (r.framed && r.length != 0) {
		err = copyBody(e.side, s.caller.br, r.head)
	}
	switch {
	case err == nil:
		return e, nil
	case s.isOver(): // answered, before all of it was there
		return nil, nil
	case e.side.broken.Load(): // perhaps it has answered all the same
		s.settle()
		return nil, nil
	case errors.Is(err, errStrange) && e.side != s.client:
		return nil, s.rest(nil)
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.side.CloseWrite()
		s.settle()
		return nil, nil
	}
	return nil, err
}

// rest sends the home side what there is and all that follows, and the caller
// all that it answers.
func (s *split) rest(raw []byte) error {
	e, err := s.begin(&exchange{raw: true}, s.cfg.Filter == nil && !s.drained())
	if e == nil || err != nil {
		return err
	}
	if _, err = e.side.Write(raw); err == nil {
		_, err = io.Copy(e.side, struct{ io.Reader }{s.caller})
	}
	if err == nil {
		err = e.side.CloseWrite()
	}
	if err != nil && !e.side.broken.Load() && !s.isOver() {
		return err
	}
	s.settle()
	return nil
}
