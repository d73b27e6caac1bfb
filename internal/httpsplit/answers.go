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
		case e.last:
			over = true
			s.finish()
			if !e.raw {
				e.side.Close()
			}
		default:
			s.answered(e)
		}
		close(e.donec)
	}
}

// answered counts an answer. An idle app that closes its connection ends the
// caller's, as if nobody stood between them.
func (s *split) answered(e *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	if s.pending > 0 || e.tunnel {
		return
	}
	app := e.side != s.client
	e.side.watch(func(err error) {
		if app && err != nil {
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
			return s.answerRest(e)
		case err != nil:
			return e.ended(err)
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
			return s.answerRest(e)
		}
		return e.ended(err)
	}
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
