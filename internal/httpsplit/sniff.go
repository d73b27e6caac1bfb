package httpsplit

import (
	"errors"
	"io"
	"os"
	"time"
)

const (
	// shyTime is how long a caller may say nothing before the home side is asked
	// whether it speaks first. HTTP callers speak at once, and cost the app no
	// connection that it has nothing to do on.
	shyTime = 10 * time.Millisecond
	// lineTime is how long an unfinished first line may stand before it is taken
	// for something else than HTTP.
	lineTime = time.Second
)

// sniff finds out what the caller speaks, from as few bytes as can be. Whoever
// waits for the server to speak has it connected soon.
func (s *split) sniff() (kind, error) {
	wait := shyTime
	for {
		b, _ := s.caller.br.Peek(s.caller.br.Buffered())
		if k, sure := classify(b); sure || len(b) == s.caller.br.Size() {
			return k, nil
		}
		s.caller.setReadDeadline(wait)
		_, err := s.caller.br.Peek(len(b) + 1)
		s.caller.setReadDeadline(0)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && len(b) == 0:
			if over, err := s.shy(); over || err != nil {
				return opaque, err
			}
		case errors.Is(err, os.ErrDeadlineExceeded), err == io.EOF:
			return opaque, nil
		case err != nil:
			return opaque, err
		}
		wait = lineTime
	}
}

// shy connects the home side, if that can be, and waits for who speaks first.
// It is over if that is not the caller.
func (s *split) shy() (over bool, err error) {
	home, openErr := s.home()
	if openErr == nil { // else there is time enough to fail when something is said
		s.setShy(true)
		home.watch(func(err error) { s.stirred(home, err) })
	}
	_, err = s.caller.br.Peek(1)
	s.setShy(false)
	switch {
	case err == nil:
		return false, nil
	case err == io.EOF, errors.Is(err, os.ErrDeadlineExceeded):
		return true, nil
	}
	return true, err
}

func (s *split) setShy(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isShy = on
	s.caller.setReadDeadline(0)
}
