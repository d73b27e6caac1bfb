package httpsplit

import (
	"bufio"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
)

// conn is a connection of which some has been read already.
type conn struct {
	relay.Conn
	br *bufio.Reader
}

func newConn(c relay.Conn, size int) *conn { return &conn{c, bufio.NewReaderSize(c, size)} }

func (c *conn) Read(b []byte) (int, error) {
	if c.br.Buffered() > 0 {
		return c.br.Read(b)
	}
	return c.Conn.Read(b) // no copy through the buffer
}

// setReadDeadline bounds reading, where the connection can; 0 is no bound.
func (c *conn) setReadDeadline(d time.Duration) {
	if c, ok := c.Conn.(interface{ SetReadDeadline(time.Time) error }); ok {
		var at time.Time
		if d != 0 {
			at = time.Now().Add(d)
		}
		c.SetReadDeadline(at)
	}
}

// interrupt ends a read that waits.
func (c *conn) interrupt() { c.setReadDeadline(-time.Second) }

// side is a connection to the app or to the client.
type side struct {
	*conn
	broken atomic.Bool // writing failed
	once   sync.Once

	mu     sync.Mutex
	watchc chan struct{} // guarded by mu; closed when the watcher has seen something; nil if there is none
	seen   error         // what it has seen, nil for a byte; of who closes watchc
}

func newSide(c relay.Conn) *side { return &side{conn: newConn(c, 4<<10)} }

// watch looks what the side does while nothing is asked of it, and calls then
// when that is something. Reading waits for the watcher, and for then; there is
// one at a time.
func (s *side) watch(then func(err error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchc != nil {
		return
	}
	watchc := make(chan struct{})
	s.watchc = watchc
	go func() { // ends when the side does, at the latest
		_, err := s.br.Peek(1)
		s.seen = err
		then(err)
		close(watchc)
	}()
}

// spoke tells that the watcher has seen something.
func (s *side) spoke() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchc == nil {
		return false
	}
	select {
	case <-s.watchc:
		return true
	default:
		return false
	}
}

// awaken waits for the watcher, which ends with the side's next byte.
func (s *side) awaken() error {
	s.mu.Lock()
	watchc := s.watchc
	s.mu.Unlock()
	if watchc == nil {
		return nil
	}
	<-watchc
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchc = nil
	return s.seen
}

// Read waits for the watcher.
func (s *side) Read(b []byte) (int, error) {
	if err := s.awaken(); err != nil {
		return 0, err
	}
	return s.conn.Read(b)
}

// Write remembers that it failed.
func (s *side) Write(b []byte) (int, error) {
	n, err := s.conn.Write(b)
	if err != nil {
		s.broken.Store(true)
	}
	return n, err
}

// Close and Abort may both be called, and each more than once.
func (s *side) Close() error {
	var err error
	s.once.Do(func() { err = s.conn.Close() })
	return err
}

// Abort implements relay.Conn.
func (s *side) Abort(err error) { s.once.Do(func() { s.conn.Abort(err) }) }
