// Package session runs the fwd protocol (pkg/wire/SPEC.md) over one byte
// stream: a greeting with authentication, then streams that either side opens,
// each a net.Conn with half-close, reset, flow control and deadlines.
//
// It does not know what a stream is for, how the byte stream came to be, or
// how to get another one when it breaks.
package session

import (
	"crypto/ed25519"
	"math"
	"net"
	"sync"
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Config is what one side brings to a session. The zero value of a number
// means its default.
type Config struct {
	// Key proves the client; only Client uses it.
	Key ed25519.PrivateKey
	// Peer is whom the agent obeys; only Agent uses it.
	Peer ed25519.PublicKey
	// Build is shown to the peer and its people.
	Build string
	// Streams is how many streams the peer may have open at once; 16384.
	Streams int
	// Memory is how many bytes are held for all streams together; 64 MiB at
	// the client, 32 MiB at the agent.
	Memory int
}

const (
	defaultStreams = 16384
	clientMemory   = 64 << 20
	agentMemory    = 32 << 20
	firstWindow    = wire.MinWindow

	pingEvery = 5 * time.Second  // SPEC.md 5
	deadAfter = 15 * time.Second // SPEC.md 5

	firstPings = 4
	flushTime  = time.Second // for the last frames before the link is closed
)

func (c Config) withDefaults(memory int) Config {
	if c.Streams == 0 {
		c.Streams = defaultStreams
	}
	if c.Memory == 0 {
		c.Memory = memory
	}
	c.Memory = max(c.Memory, firstWindow)
	return c
}

// Session is one wire conversation. Client and Agent make one; its methods may
// be called from any goroutine.
//
// One goroutine reads the link, one at a time writes it, and mu guards all
// state, that of the streams too. A session ends once, with the first cause; every stream
// that is not over then fails with it.
type Session struct {
	link  net.Conn
	cfg   Config
	peer  wire.Hello
	donec chan struct{} // closed when both goroutines have returned
	endc  chan struct{} // closed when err is set

	mu       sync.Mutex
	writable sync.Cond // signalled when the writer has something to do

	// guarded by mu
	err      error       // why the session ended, nil while it runs
	closer   *time.Timer // closes the link once err is set
	goaway   error       // why the peer takes no more streams, nil while it does
	streams  map[uint32]*Stream
	nextID   uint32 // of our next stream
	lastPeer uint32 // highest stream that the peer opened
	ownOpen  int    // places that our streams take at the peer
	peerOpen int    // places that the peer's streams take here
	draining bool   // Shutdown was called
	idle     sync.Cond

	backlog  []*Stream // opened by the peer, not yet accepted
	arrivals sync.Cond // signalled when backlog or err changes

	control     []byte // frames that go before any stream's
	notices     queue  // streams that have something to announce
	ready       queue  // streams that have something to send and may
	starved     queue  // streams that wait for the peer's memory
	fed         queue  // streams that have received something for their outlet
	outstanding int    // bytes that the peer has not reported as consumed

	held    int  // bytes received and not read by the application
	unsaid  int  // bytes read and not reported to the peer
	thrifty bool // held+unsaid is high: report at once (window.go)

	small   uint32    // the stream that received a small amount last, not its first (hurry.go)
	smallAt time.Time // when it did

	writer
	alive
}

func newSession(link net.Conn, cfg Config, peer wire.Hello, firstID uint32) *Session {
	// No sum of these may overflow an int of 32 bits.
	peer.Streams, peer.Memory = min(peer.Streams, math.MaxInt32), min(peer.Memory, math.MaxInt32)
	s := &Session{
		link:    link,
		cfg:     cfg,
		peer:    peer,
		donec:   make(chan struct{}),
		endc:    make(chan struct{}),
		streams: make(map[uint32]*Stream),
		nextID:  firstID,
	}
	s.out, s.limit = make([]byte, 0, gather+wire.HeaderLen+wire.MaxPayload), gather
	s.ready.bit, s.starved.bit, s.notices.bit, s.fed.bit = 1, 2, 4, 8
	s.writable.L, s.arrivals.L, s.idle.L = &s.mu, &s.mu, &s.mu
	return s
}

// start begins reading, writing and pinging.
func (s *Session) start() {
	s.mu.Lock()
	s.startPinging()
	s.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(s.readLoop)
	wg.Go(s.writeLoop)
	go func() {
		wg.Wait()
		s.closer.Stop()
		close(s.donec)
	}()
}

// PeerBuild is the program version in the peer's greeting.
func (s *Session) PeerBuild() string { return s.peer.Build }

// Done is closed when the session has ended; Err then says why.
func (s *Session) Done() <-chan struct{} { return s.endc }

// Err is why the session ended: nil while it runs, ErrClosed after Close or
// when the peer closed it with no stream open, else an *Error.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Streams is how many streams are not over.
func (s *Session) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// end ends the session with its first cause. The writer still sends what is in
// control, so that a GOAWAY appended before is heard; then the link is closed.
// Called with mu held.
func (s *Session) end(cause error) {
	if s.err != nil {
		return
	}
	s.err = cause
	close(s.endc)
	s.stopPinging()
	for _, st := range s.streams {
		st.end()
	}
	for _, st := range s.backlog {
		s.held -= st.rbuf.release()
	}
	s.backlog = nil
	s.press()
	s.arrivals.Broadcast()
	s.idle.Broadcast()
	// The writer may be stuck in a write that nobody reads.
	s.closer = time.AfterFunc(flushTime, func() { s.link.Close() })
}

// breach ends the session because of what the peer did, and tells it.
// Called with mu held.
func (s *Session) breach(code wire.Code, text string) {
	if s.err == nil {
		s.control = wire.GoAway{Last: s.lastPeer, Code: code, Text: text}.Append(s.control)
		s.end(&Error{Code: code, Text: text})
	}
}
