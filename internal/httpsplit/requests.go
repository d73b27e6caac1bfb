package httpsplit

import (
	"bufio"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
)

// exchange is a request and its answer.
type exchange struct {
	side   *side
	method string
	alone  bool          // nothing follows it before it is answered: it may begin a tunnel
	final  bool          // the caller asks for no more on its connection
	raw    bool          // not a request but all that follows, in both directions
	donec  chan struct{} // closed when it is answered

	// Set before donec is closed.
	tunnel bool  // what follows, in both directions, is no HTTP
	last   bool  // the caller's connection ends with it
	err    error // why the answer broke off
}

// done tells that it is answered.
func (e *exchange) done() bool {
	select {
	case <-e.donec:
		return true
	default:
		return false
	}
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
	if err == errOver {
		err = nil
	}
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
		if err := s.awaitRequest(); err != nil {
			return s.tunnel, err // of mu, but nobody sets it any more
		}
		raw, err := readHead(s.caller.br)
		var r *request
		if err == nil {
			r, err = parseRequest(raw)
		}
		switch {
		case s.isOver():
			return nil, errOver
		case errors.Is(err, errStrange), errors.Is(err, errTooLong), err == io.EOF:
			return nil, s.rest(raw, nil)
		case err != nil:
			return nil, err
		}
		e, err := s.forward(r)
		if err != nil {
			return nil, err
		}
		if e.alone {
			err := s.await(e)
			switch {
			case err == errEndless:
				return nil, s.endless(nil)
			case err != nil:
				return nil, err
			case e.tunnel:
				return e.side, nil
			}
		}
	}
}

// awaitRequest waits for the first byte of a request. It returns errOver at the
// caller's end, or when the connection is over.
func (s *split) awaitRequest() error {
	s.mu.Lock()
	s.waiting = s.caller.br.Buffered() == 0
	s.closeIdle()
	s.mu.Unlock()
	_, err := s.caller.br.Peek(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = false
	switch {
	case s.over:
		return errOver
	case err == io.EOF: // the answers may still come
		for _, c := range []*side{s.app, s.client} {
			if c != nil {
				c.CloseWrite()
			}
		}
		return errOver
	case err != nil:
		return err
	}
	s.caller.setReadDeadline(0)
	return nil
}

// begin chooses the side of what comes next unless it has one, and makes its
// place in the order of answers. The error is errOver if there will be no more
// answers, and errEndless if it has no place.
func (s *split) begin(e *exchange, client bool) error {
	if e.side == nil {
		if err := s.choose(e, client); err != nil {
			return err
		}
	}
	if s.isEndless() {
		return errEndless
	}
	e.donec = make(chan struct{})
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return errOver
	}
	s.pending++
	s.asked = e.side
	s.mu.Unlock()
	select {
	case s.answers <- e:
	case <-s.endlessc:
		return errEndless
	}
	s.last = e
	return nil
}

// choose chooses the side of e. Nothing goes to one side while the other has
// still to answer.
func (s *split) choose(e *exchange, client bool) error {
	if s.last != nil && client != (s.last.side == s.client) {
		if err := s.await(s.last); err != nil {
			return err
		}
	}
	open := s.openApp
	if client {
		open = s.openClient
	}
	side, err := open()
	if s.last != nil && s.last.side != side { // failure, fallback, or another connection
		if err := s.await(s.last); err != nil {
			return err
		}
	}
	e.side = side
	return err
}

// await waits until e and all before it are answered. The error is errOver if
// there will be no more answers, errEndless if it cannot be told, or why the
// caller has gone.
func (s *split) await(e *exchange) error {
	s.mu.Lock()
	s.awaited = e
	s.mu.Unlock()
	err := s.look(e)
	if err == nil {
		select {
		case <-e.donec:
		case <-s.endlessc:
			err = errEndless
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaited = nil
	if s.over {
		return errOver
	}
	s.caller.setReadDeadline(0)
	return err
}

// look looks for the caller's end until it is interrupted, or the caller has
// said more than is kept.
func (s *split) look(e *exchange) error {
	for !e.done() && !s.isEndless() {
		_, err := s.caller.br.Peek(s.caller.br.Buffered() + 1)
		switch {
		case err == nil:
			continue
		case err == io.EOF && e.alone && s.caller.br.Buffered() == 0:
			e.side.CloseWrite()
		case err != io.EOF && err != bufio.ErrBufferFull && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
		break
	}
	return nil
}

// forward sends a request where it belongs.
func (s *split) forward(r *request) (*exchange, error) {
	m := &httpfilter.Request{Method: r.method, Path: r.path, Fields: r.fields}
	client := !s.drained() && s.cfg.Filter.Match(m)
	e := &exchange{method: r.method, alone: r.tunnels(), final: r.last()}
	switch err := s.begin(e, client); {
	case err == errEndless:
		return nil, s.endless(r.raw)
	case err != nil:
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
	_, err := e.side.Write(head)
	if err == nil && (r.framed && r.length != 0) {
		err = copyBody(e.side, s.caller.br, r.head)
	}
	switch {
	case err == nil:
		return e, nil
	case s.isOver(), // answered, before all of it was there
		e.side.broken.Load(): // perhaps it has answered all the same
		return nil, errOver
	case errors.Is(err, errStrange) && (e.side != s.client || s.cfg.Filter == nil):
		return nil, s.rest(nil, e.side)
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.side.CloseWrite()
		return nil, errOver
	}
	return nil, err
}

// rest sends a side, or home if that is nil, what there is and all that
// follows, and the caller all that it answers. Its error is at best errOver.
func (s *split) rest(raw []byte, to *side) error {
	e := &exchange{raw: true, side: to}
	switch err := s.begin(e, s.cfg.Filter == nil && !s.drained()); {
	case err == errEndless:
		return s.endless(raw)
	case err != nil:
		return err
	}
	return s.copyRest(e.side, raw)
}

// endless is rest while an answer has no end that can be told. The client gets
// nothing that the filter has not seen.
func (s *split) endless(raw []byte) error {
	if s.last.side == s.client && s.cfg.Filter != nil {
		return errEndless
	}
	return s.copyRest(s.last.side, raw)
}

func (s *split) copyRest(dst *side, raw []byte) error {
	_, err := dst.Write(raw)
	if err == nil {
		_, err = io.Copy(dst, struct{ io.Reader }{s.caller})
	}
	switch {
	case err == nil:
		dst.CloseWrite()
	case !dst.broken.Load() && !s.isOver():
		return err
	}
	return errOver
}
