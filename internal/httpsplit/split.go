package httpsplit

import (
	"errors"
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

	endlessc chan struct{} // closed when an answer has no end that can be told

	mu      sync.Mutex
	isShy   bool      // guarded by mu; the caller has said nothing yet
	err     error     // guarded by mu; what ended it before its time
	waiting bool      // guarded by mu; for the caller's next request
	pending int       // guarded by mu; requests that are not answered
	asked   *side     // guarded by mu; whom the last of them is for
	awaited *exchange // guarded by mu; for whose answer the caller is only looked at
	closing bool      // guarded by mu; it ends at the next boundary
	stray   *side     // guarded by mu; it has spoken unasked
	tunnel  *side     // guarded by mu; the stray that has the rest of the connection
	over    bool      // guarded by mu; no request is read any more
}

var (
	// errOver is that no request is read any more, for good reasons.
	errOver    = errors.New("the last request was read")
	errEndless = errors.New("an answer has no end that can be told")
)

func newSplit(caller relay.Conn, cfg Config) *split {
	return &split{
		cfg:      cfg,
		caller:   newConn(caller, maxLine),
		answers:  make(chan *exchange, maxPipelined),
		endlessc: make(chan struct{}),
	}
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

// home is the side of what is not divided: one that is open already has been
// asked to speak first.
func (s *split) home() (*side, error) {
	switch {
	case s.client != nil:
		return s.client, nil
	case s.app == nil && s.cfg.Filter == nil && !s.drained():
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
	c := s.client
	switch {
	case c == nil:
	case s.last != nil && s.last.side == c && !s.last.done(): // what it says is an answer
		return c, nil
	case !c.spoke() && !c.broken.Load(): // it has not ended, nor spoken unasked
		return c, nil
	}
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
	conn, err := s.cfg.Client()
	switch {
	case err == nil:
		s.client = newSide(conn)
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

// stirred hears of the first thing that c does after its last answer. An app
// that ends an idle connection ends the caller's, and one that speaks unasked
// has the rest of it, as if nobody stood between them.
func (s *split) stirred(c *side, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.isShy:
		s.caller.interrupt()
		return
	case s.pending > 0 && s.asked == c: // it answers
		return
	case err != nil:
		s.closing = true
	default:
		s.stray = c
	}
	s.closeIdle()
}

// closeIdle ends a connection that is to end if nothing is under way. Called
// with mu held.
func (s *split) closeIdle() {
	if s.waiting && s.pending == 0 && (s.closing || s.stray != nil) {
		s.tunnel = s.stray
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

// isEndless tells that an answer has no end that can be told.
func (s *split) isEndless() bool {
	select {
	case <-s.endlessc:
		return true
	default:
		return false
	}
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
