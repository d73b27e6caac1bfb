package httpsplit

import (
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
)

// lingerTime is how long a caller may go on sending after its last answer: a
// close with unread data would take that answer from it.
const lingerTime = 2 * time.Second

// maxLine is the longest request line that is looked into, and chunk line.
const maxLine = 8 << 10

// maxPipelined is how many requests of a caller wait for answers.
const maxPipelined = 64

// split is one caller's connection. The goroutine of Split reads requests
// (requests.go), another one the answers to them, in their order (answers.go).
type split struct {
	cfg    Config
	caller *conn

	// Of the goroutine of Split.
	app, client *side // nil until they are opened
	last        *exchange
	answers     chan *exchange

	mu      sync.Mutex
	isShy   bool  // guarded by mu; the caller has said nothing yet
	err     error // guarded by mu; what ended it before its time
	waiting bool  // guarded by mu; for the caller's next request
	pending int   // guarded by mu; requests that are not answered
	closing bool  // guarded by mu; it ends at the next boundary
	over    bool  // guarded by mu; no request is read any more
}

func newSplit(caller relay.Conn, cfg Config) *split {
	return &split{cfg: cfg, caller: newConn(caller, maxLine), answers: make(chan *exchange, maxPipelined)}
}

// drained tells that nothing is matched any more.
func (s *split) drained() bool {
	select {
	case <-s.cfg.Drain:
		return true
	default:
		return false
	}
}

// home is the side of what is not divided.
func (s *split) home() (*side, error) {
	if s.cfg.Filter == nil && !s.drained() {
		return s.openClient()
	}
	return s.openApp()
}

func (s *split) openApp() (*side, error) {
	if s.app != nil {
		return s.app, nil
	}
	c, err := s.cfg.App()
	if err != nil {
		return nil, err
	}
	s.app = newSide(c)
	return s.app, nil
}

// openClient opens a connection to the client unless there is one that takes
// more. It may be the app in the client's place.
func (s *split) openClient() (*side, error) {
	if c := s.client; c != nil && !c.spoke() && !c.broken.Load() { // it has not ended, nor spoken unasked
		return c, nil
	}
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
	c, err := s.cfg.Client()
	switch {
	case err == nil:
		s.client = newSide(c)
		return s.client, nil
	case s.cfg.Fallback, s.drained():
		return s.openApp()
	}
	return nil, err
}

// close ends the connection at the next boundary, which may be now.
func (s *split) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.closeIdle()
}

// closeIdle ends a connection that is to end if nothing is under way. Called
// with mu held.
func (s *split) closeIdle() {
	if s.closing && s.waiting && s.pending == 0 {
		s.over = true
		s.caller.interrupt()
	}
}

// finish reads no more requests: the caller has heard the last answer.
func (s *split) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.caller.interrupt()
}

func (s *split) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// abort ends everything so that all see it.
func (s *split) abort(err error) {
	s.mu.Lock()
	s.over = true
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.caller.Abort(err)
}

// end closes what is open, and returns what ended it before its time.
func (s *split) end() error {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	for _, c := range []*side{s.app, s.client} {
		switch {
		case c == nil:
		case err != nil:
			c.Abort(err)
		default:
			c.Close()
		}
	}
	s.caller.Close()
	return err
}
