package fwd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"sync"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// ListenConfig says which connections to the pod are captured.
type ListenConfig struct {
	Port     uint16
	Mode     wire.Mode
	Settings wire.Settings // without Who, it is user@host of this machine
	// Note gets what the agent says about the capture, from one goroutine; nil
	// drops it.
	Note func(wire.Note)
}

// Listener is a capture that is in place. It lives as long as the session that
// it was made on: a new one needs another Listen. Its methods may be called
// from any goroutine.
type Listener struct {
	client *Client
	s      *session.Session
	st     *Conn // the listen stream
	note   func(wire.Note)
	donec  chan struct{} // closed when the agent's notes have ended: nothing more arrives

	mu      sync.Mutex
	arrival sync.Cond   // signalled when queue or err changes
	queue   []*Incoming // guarded by mu; not yet accepted
	err     error       // guarded by mu; why nothing more arrives, nil while it may
	stopped bool        // guarded by mu; Stop or Close was called
}

// Incoming is a captured connection. Its Accept tells the agent that this side
// is ready for it, its Abort that it is not: with fallback the pod then answers.
type Incoming struct {
	*Conn
	Caller netip.AddrPort
	Local  netip.AddrPort // what the caller called
}

// listenKey is how the agent names a listener in what it opens.
type listenKey struct {
	s  *session.Session
	id uint32 // of the listen stream
}

// Listen captures the connections to a port of the target. It returns when the
// capture is in place; the error is a *ListenError if the agent refused it, else
// says why there is no agent.
func (c *Client) Listen(ctx context.Context, cfg ListenConfig) (*Listener, error) {
	if cfg.Settings.Who == "" {
		cfg.Settings.Who = who()
	}
	settings := cfg.Settings.Append(nil)
	if len(settings) > wire.MaxSettings {
		return nil, fmt.Errorf("%s port %d: the filter takes %d bytes, over %d", cfg.Mode, cfg.Port, len(settings), wire.MaxSettings)
	}
	l, err := c.openListen(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { l.st.Reset(wire.Canceled, "") })() // Write, too, may have to wait
	l.st.Write(settings)                                                     // Connected says why it failed
	if _, err := l.st.Connected(ctx); err != nil {
		l.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &ListenError{Mode: cfg.Mode, Port: cfg.Port, Err: err}
	}
	return l, nil
}

// openListen opens a listen stream. The agent may open streams for it as soon
// as it is opened, so it is known before c.mu is free again.
func (c *Client) openListen(ctx context.Context, cfg ListenConfig) (*Listener, error) {
	address := wire.Listen{Mode: cfg.Mode, Port: cfg.Port}.String()
	if err := c.Connect(ctx); err != nil {
		return nil, err
	}
	c.settled(ctx)
	for {
		s, err := c.connect(ctx)
		if err != nil {
			return nil, err
		}
		l, err := c.listenOn(s, address, cfg.Note)
		if err == nil || c.ctx.Err() != nil || s.Err() == nil && !superseded(err) {
			return l, err
		}
		c.forget(s)
	}
}

func (c *Client) listenOn(s *session.Session, address string, note func(wire.Note)) (*Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	if !slices.Contains(c.sessions, s) {
		return nil, session.ErrGoAway // it ends with its last stream
	}
	st, err := s.Open(wire.KindListen, address)
	if err != nil {
		return nil, err
	}
	l := &Listener{client: c, s: s, st: st, note: note, donec: make(chan struct{})}
	l.arrival.L = &l.mu
	c.listeners[listenKey{s, st.ID()}] = l
	c.work.Go(l.readNotes)
	return l, nil
}

func (c *Client) unlisten(l *Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.listeners, listenKey{l.s, l.st.ID()})
}

// who is what others are told of who holds a port.
func who() string {
	name := "someone"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// Accept waits for a captured connection; answer with its Accept or Abort. After
// Stop it still gives those that were captured before. The error is why no more
// will come: net.ErrClosed after Stop and Close, else the end of the session.
func (l *Listener) Accept() (*Incoming, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 {
		if l.err != nil {
			return nil, l.err
		}
		l.arrival.Wait()
	}
	in := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	return in, nil
}

// Stop ends the capture and returns when the agent has undone it: the pod
// answers new callers. Connections that were captured go on, until Close.
func (l *Listener) Stop(ctx context.Context) error {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	if err := l.st.CloseWrite(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	select {
	case <-l.donec:
		return l.s.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends the capture at once, and connections that were not accepted from
// it. The agent ends the others, too.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.st.Reset(wire.Canceled, "")
	<-l.donec
	l.client.unlisten(l)
	l.mu.Lock()
	queue := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, in := range queue {
		in.Reset(wire.Canceled, "")
	}
	return nil
}

// arrived gives a connection to Accept, or refuses it.
func (l *Listener) arrived(in *Incoming) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		in.Reset(wire.Canceled, "")
	case len(l.queue) >= wire.MaxBacklog:
		in.Reset(wire.TooManyStreams, "too many connections wait to be accepted")
	default:
		l.queue = append(l.queue, in)
		l.arrival.Signal()
	}
}

// end lets Accept return err once the queue is empty.
func (l *Listener) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped && l.s.Err() == nil {
		err = net.ErrClosed
	}
	l.err = err
	l.arrival.Broadcast()
}
