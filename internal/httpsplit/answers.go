package httpsplit

import (
	"errors"
	"io"
)

// answer brings the caller the answers, in the order of its requests.
func (s *split) answer() {
	over := false
	for e := range s.answers {
		if !over {
			e.err = s.answerOne(e)
		}
		switch {
		case over:
		case e.err != nil:
			over = true
			s.abort(e.err)
			e.side.Abort(e.err) // the caller's body is of no use to it
		case e.raw: // the caller may have more to say
			over = true
		case e.last:
			over = true
			s.finish()
			e.side.Close()
		default:
			s.answered(e)
		}
		s.mu.Lock()
		if s.awaited == e {
			s.caller.interrupt()
		}
		close(e.donec)
		s.mu.Unlock()
	}
}

// answered counts an answer, and looks what its side does next. That a client
// ends is nothing to the caller unless it waits for that.
func (s *split) answered(e *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	if s.pending > 0 || e.tunnel {
		return
	}
	app := e.side != s.client
	e.side.watch(func(err error) {
		switch {
		case app:
			s.stirred(e.side, err)
		case e.final && err != nil:
			s.close()
		}
	})
	s.closeIdle()
}

// answerOne copies one answer as it comes. What ends in good order before its
// time does so for the caller, too.
func (s *split) answerOne(e *exchange) error {
	if e.raw {
		return s.answerRest(e)
	}
	for {
		if err := e.side.awaken(); err != nil {
			return e.ended(err)
		}
		raw, err := readHead(e.side.br)
		if len(raw) > 0 {
			if _, err := s.caller.Write(raw); err != nil {
				return err
			}
		}
		var r *response
		if err == nil {
			r, err = parseResponse(raw)
		}
		switch {
		case errors.Is(err, errStrange), errors.Is(err, errTooLong):
			return s.answerEndless(e)
		case err != nil:
			return e.ended(err)
		case r.status == 101 && !e.alone:
			return errStrange // requests may have followed
		case r.status == 101, e.method == "CONNECT" && r.status/100 == 2:
			e.tunnel = true
			return nil
		case r.status/100 == 1:
			continue
		}
		e.last = r.last(e.method)
		switch {
		case r.bodiless(e.method):
			return nil
		case !r.framed:
			return s.answerRest(e)
		}
		err = copyBody(s.caller, e.side.br, r.head)
		if errors.Is(err, errStrange) {
			return s.answerEndless(e)
		}
		return e.ended(err)
	}
}

// answerEndless copies an answer of unknown bounds, and others that may follow.
func (s *split) answerEndless(e *exchange) error {
	s.mu.Lock()
	close(s.endlessc)
	if s.awaited != nil {
		s.caller.interrupt()
	}
	s.mu.Unlock()
	return s.answerRest(e)
}

// answerRest copies all that a side still says.
func (s *split) answerRest(e *exchange) error {
	e.last = true
	_, err := io.Copy(struct{ io.Writer }{s.caller}, struct{ io.Reader }{e.side})
	if err == nil {
		err = s.caller.CloseWrite()
	}
	return err
}

// ended is an end of data, which the caller sees as such, or an error.
func (e *exchange) ended(err error) error {
	if callerEnded(err) {
		e.last = true
		return nil
	}
	return err
}

// callerEnded is an end in good order, be it in the middle of something.
func callerEnded(err error) bool { return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) }
