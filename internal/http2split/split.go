package http2split

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
)

const (
	// lingerTime is how long a peer may take to close a connection that has
	// nothing more to say.
	lingerTime = 2 * time.Second
	// graceTime is how long a caller that is asked to go may not have heard of
	// it (RFC 9113 6.8).
	graceTime = 500 * time.Millisecond
	// stallTime is how long a client may take nothing of what waits for it, when
	// nobody has an interest in it any more but us.
	stallTime = 30 * time.Second
)

// peer is a connection.
type peer struct {
	conn relay.Conn
	in   *reader
	out  *outbound
}

// split is one caller's connection. One goroutine reads from each peer and
// handles a frame with mu held; another one writes to it.
type split struct {
	cfg    Config
	caller peer
	app    peer // whom the caller negotiates with: the app, or the client if all streams are its
	all    bool // all streams match
	mirror bool // the caller's bytes are a copy, and nothing is answered
	wg     sync.WaitGroup
	donec  chan struct{} // closed when wg is done

	mu      sync.Mutex // guards all below, and what it points to
	roomier sync.Cond  // signalled when less waits for clients
	err     error      // what ended it before its time
	timers  []*time.Timer

	streams map[uint32]*stream
	divided int               // streams of clients
	last    uint32            // the caller's latest stream; set by its reader
	refuse  uint32            // later streams than this are not taken
	lastApp uint32            // the latest stream of the app, as it calls it
	byApp   map[uint32]uint32 // the caller's ids of those that the app calls otherwise

	client  *client // takes new streams, or nil
	clients map[*client]struct{}

	greeted    bool // the caller has got SETTINGS
	appHere    bool // the app's connection is open
	appEnded   bool // it was
	diverted   bool // a stream was given to a client
	callerGone bool // the caller says no more
	draining   bool
	grace      bool // it has been draining for graceTime
	ending     bool // all that is left is to write what waits

	said      map[uint16]uint32 // settings of the caller
	unacked   [][]setting       // of the caller; the app has not acknowledged them
	window    int               // what the caller takes of each of the client's streams at first
	appWindow int               // what the caller may send on each stream at first
	sent      []sent            // SETTINGS to the caller that it has not acknowledged

	avail, owed    int // of the connection: what the caller may send, what we owe it
	reserve        int // what the app gave and the caller does not know of
	held, withheld int // what waits for clients; what of it no credit is given for
	ahead          int // data of the app that waits
	debt           int // what the caller has yet to give for data of clients
}

// sent is SETTINGS that the caller got.
type sent struct {
	app   bool // from the app
	table int  // -1: not changed
}

func newSplit(caller relay.Conn, cfg Config) *split {
	s := &split{
		cfg:       cfg,
		donec:     make(chan struct{}),
		streams:   make(map[uint32]*stream),
		byApp:     make(map[uint32]uint32),
		clients:   make(map[*client]struct{}),
		said:      make(map[uint16]uint32),
		refuse:    maxID,
		window:    defaultWindow,
		appWindow: defaultWindow,
		avail:     defaultWindow,
	}
	s.roomier.L = &s.mu
	s.caller = s.peer(caller)
	s.caller.out.sent = s.sentToCaller
	return s
}

func (s *split) peer(conn relay.Conn) peer {
	return peer{conn, newReader(conn), newOutbound(&s.mu, conn)}
}

// Split divides the streams of caller, whose bytes from the preface on are
// still to be read, until all is over, and closes it.
func Split(caller relay.Conn, cfg Config) error {
	s := newSplit(caller, cfg)
	if err := s.open(); err != nil {
		caller.Abort(err)
		return err
	}
	s.write(s.caller)
	if s.appHere {
		s.write(s.app)
		s.wg.Go(s.readApp)
	}
	var drain sync.WaitGroup
	drain.Go(s.drain)
	s.readCaller()
	s.wg.Wait()
	close(s.donec)
	drain.Wait()
	caller.Close()
	if s.app.conn != nil {
		s.app.conn.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.timers {
		t.Stop()
	}
	return s.err
}

// open opens the connection that the caller negotiates with. Without an app
// there may still be a client.
func (s *split) open() error {
	if s.cfg.Filter == nil && !s.drained() {
		conn, err := s.cfg.Client()
		if err == nil {
			s.all = true
			s.app, s.appHere = s.peer(conn), true
			return nil
		}
		if !s.cfg.Fallback && !s.drained() {
			return err
		}
		s.cfg.Drain = closedc // nothing is to match
	}
	conn, err := s.cfg.App()
	if err == nil {
		s.app, s.appHere = s.peer(conn), true
		return nil
	}
	if s.drained() {
		return err
	}
	s.app.out = newOutbound(&s.mu, nil)
	s.app.out.deaf = true
	s.app.out.encode()
	return nil
}

var closedc = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// drained tells that nothing is matched any more.
func (s *split) drained() bool {
	select {
	case <-s.cfg.Drain:
		return true
	default:
		return false
	}
}

// write writes to p until its end.
func (s *split) write(p peer) {
	s.wg.Go(func() {
		if err := p.out.run(); err != nil {
			p.conn.Abort(err)
		} else if p.out == s.caller.out {
			s.after(lingerTime, s.leave)
		}
	})
}

// after calls f later, unless all is over by then.
func (s *split) after(d time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timers = append(s.timers, time.AfterFunc(d, f))
}

// readCaller handles what the caller sends, to its end.
func (s *split) readCaller() {
	err := s.readPreface()
	for err == nil {
		var f *frame
		if f, err = s.caller.in.next(); err != nil {
			break
		}
		s.decide(f)
		s.mu.Lock()
		s.makeRoom()
		err = s.fromCaller(f)
		s.mu.Unlock()
	}
	var breach *connError
	switch {
	case err == io.EOF:
		s.mu.Lock()
		s.callerEOF()
		s.mu.Unlock()
	case errors.As(err, &breach):
		s.mu.Lock()
		s.breach(breach)
		s.mu.Unlock()
		io.Copy(io.Discard, s.caller.in.br) // a reset would overtake GOAWAY
	default:
		s.abort(err)
	}
}

func (s *split) readPreface() error {
	b := make([]byte, len(preface))
	if _, err := io.ReadFull(s.caller.in.br, b); err != nil {
		return noEOF(err)
	}
	if string(b) != preface {
		return &connError{codeProtocol, "no preface"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.appHere {
		s.app.out.raw(b...)
	}
	return nil
}

// makeRoom waits until the app has taken most of what there is for it. Once
// clients depend on the caller's frames only a flood has to wait: data is
// bounded by the app's windows.
func (s *split) makeRoom() {
	switch {
	case s.divided == 0:
		s.app.out.wait(maxQueue)
	default:
		s.app.out.wait(maxAppWindow + maxQueue)
	}
}
