package capture

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/httpsplit"
	"github.com/fwdtools/fwd/internal/relay"
)

const (
	// acceptTime is how long a client may take to accept a connection that
	// would otherwise go to the app.
	acceptTime = 30 * time.Second
	// dialTime bounds connecting to the app.
	dialTime = 30 * time.Second
	// partingTime is how long a caller may take nothing of what is left for it
	// once the client has gone.
	partingTime = 5 * time.Second
)

// stolen is one caller's connection.
type stolen struct {
	*Steal
	conn   relay.TCP
	caller netip.AddrPort
	local  netip.AddrPort // what it called
}

// serve does what is to be done for one connection, to its end.
func (s *Steal) serve(ctx context.Context, conn *net.TCPConn) {
	c := &stolen{Steal: s, conn: relay.TCP{TCPConn: conn}}
	var err error
	c.local, err = s.cfg.Pod.OriginalDst(conn)
	if err != nil || c.local.Port() != s.cfg.Port || s.callers.add(c.conn) != nil { // it called our own port
		c.conn.Abort(nil)
		return
	}
	defer s.callers.remove(c.conn)
	c.local = unmapped(c.local)
	c.caller = s.behind(unmapped(conn.RemoteAddr().(*net.TCPAddr).AddrPort()), c.local)
	switch {
	case s.cfg.Filter != nil || s.cfg.Forwarded:
		c.split(ctx)
	default:
		c.join(ctx)
	}
}

// behind is whom an earlier claim of the port passed on as addr, or addr.
func (s *Steal) behind(addr, local netip.AddrPort) netip.AddrPort {
	if s.claim.Order() == 0 {
		return addr
	}
	if caller, ok := s.claim.Behind(addr); ok {
		return caller
	}
	return addr
}

// join gives the whole connection to the client, or else to the app.
func (c *stolen) join(ctx context.Context) {
	st, err := c.open(ctx)
	switch {
	case err == nil:
		c.counts.connections.Add(1)
		defer c.part(st)()
		relay.Join(parting{c.conn, st.Done()}, st)
	case c.cfg.Fallback || errors.Is(err, errOver):
		app, err := c.dial(ctx)
		if err != nil {
			c.conn.Abort(err)
			return
		}
		relay.Join(c.conn, app)
	default:
		c.conn.Abort(err)
	}
}

// split gives the client what matches.
func (c *stolen) split(ctx context.Context) {
	cfg := httpsplit.Config{
		Filter: c.cfg.Filter,
		App: func() (relay.Conn, error) {
			app, err := c.dial(ctx)
			if err != nil {
				return nil, err
			}
			return app, nil
		},
		Client:   func() (relay.Conn, error) { return c.forSplit(ctx) },
		Fallback: c.cfg.Fallback,
		Drain:    c.drainc,
		Matched:  c.matched,
	}
	if c.cfg.Forwarded {
		cfg.Forwarded = &httpsplit.Forwarded{Caller: c.caller, Local: c.local}
	}
	httpsplit.Split(c.conn, cfg)
}

// forSplit opens a stream for some of the connection.
func (c *stolen) forSplit(ctx context.Context) (relay.Conn, error) {
	st, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	c.counts.connections.Add(1)
	return st, nil
}

// open opens a stream to the client; with a fallback, one that the client has
// accepted.
func (c *stolen) open(ctx context.Context) (*member, error) {
	// Stop waits for those who are here, so that its client hears of their
	// streams before it hears that there will be no more.
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return nil, errOver
	}
	st, err := c.cfg.Open(c.caller, c.local)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	m := &member{st, &c.clients}
	if err := c.clients.add(m); err != nil {
		st.Abort(nil)
		return nil, err
	}
	if c.cfg.Fallback {
		ctx, cancel := context.WithTimeout(ctx, acceptTime)
		defer cancel()
		if _, err := st.Connected(ctx); err != nil {
			m.Abort(nil)
			return nil, err
		}
	}
	return m, nil
}

// dial connects to what the caller called, past our own redirect.
func (c *stolen) dial(ctx context.Context) (*passed, error) {
	d := net.Dialer{Timeout: dialTime, Control: c.cfg.Pod.Control(c.claim.Order())}
	app := c.local
	if app.Addr().IsLinkLocalUnicast() { // it means nothing without the interface that the caller came by
		zone := c.conn.LocalAddr().(*net.TCPAddr).Zone
		app = netip.AddrPortFrom(app.Addr().WithZone(zone), app.Port())
	}
	conn, err := d.DialContext(ctx, "tcp", app.String())
	if err != nil {
		return nil, err
	}
	local := unmapped(conn.LocalAddr().(*net.TCPAddr).AddrPort())
	return &passed{relay.TCP{TCPConn: conn.(*net.TCPConn)}, sync.OnceFunc(c.claim.Passed(local, c.caller))}, nil
}

// passed is a connection to the app on behalf of a caller.
type passed struct {
	relay.TCP
	forget func()
}

func (p *passed) Close() error {
	p.forget()
	return p.TCP.Close()
}

func (p *passed) Abort(err error) {
	p.forget()
	p.TCP.Abort(err)
}

// part bounds the write to the caller that is under way when the client goes.
func (c *stolen) part(st Stream) (stop func()) {
	endc := make(chan struct{})
	go func() {
		select {
		case <-st.Done():
			c.conn.SetWriteDeadline(time.Now().Add(partingTime))
		case <-endc:
		}
	}()
	return func() { close(endc) }
}

// parting is a caller's connection. What the client has sent before it went is
// still written as long as the caller takes it.
type parting struct {
	relay.TCP
	gonec <-chan struct{} // closed when the client has gone
}

func (p parting) Write(b []byte) (int, error) {
	select {
	case <-p.gonec:
		p.SetWriteDeadline(time.Now().Add(partingTime))
	default:
	}
	return p.TCP.Write(b)
}
