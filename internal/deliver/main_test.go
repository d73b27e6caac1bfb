package deliver

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	caller = netip.MustParseAddrPort("10.1.0.7:4711")
	local  = netip.MustParseAddrPort("10.1.0.9:80")
)

// pod is the far side of a test: an agent that captures connections.
type pod struct {
	t             *testing.T
	agent, client *session.Session
	log           log

	mu       sync.Mutex
	captures []*capture // guarded by mu; all that were made
	refusal  error      // guarded by mu; of the next ones
	asked    int        // guarded by mu; how often one was wanted
}

func newPod(t *testing.T) *pod {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	here, there := net.Pipe()
	agentc := make(chan *session.Session, 1)
	go func() {
		s, _ := session.Agent(context.Background(), there, session.Config{Peer: public})
		agentc <- s
	}()
	client, err := session.Client(context.Background(), here, session.Config{Key: key})
	require.NoError(t, err)
	p := &pod{t: t, agent: <-agentc, client: client}
	require.NotNil(t, p.agent)
	t.Cleanup(func() {
		p.client.Close()
		p.agent.Close()
	})
	return p
}

// capture is a Listener that a test feeds.
type capture struct {
	cfg   fwd.ListenConfig
	inc   chan *fwd.Incoming
	endc  chan struct{} // closed when it is over
	once  sync.Once
	err   error         // set before endc is closed
	stopc chan struct{} // closed by Stop
	stops sync.Once
}

func (p *pod) listen(ctx context.Context, cfg fwd.ListenConfig) (Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.refusal != nil {
		return nil, p.refusal
	}
	c := &capture{cfg: cfg, inc: make(chan *fwd.Incoming, 16), endc: make(chan struct{}), stopc: make(chan struct{})}
	p.captures = append(p.captures, c)
	return c, nil
}

func (p *pod) refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal = err
}

func (p *pod) capture(i int) *capture {
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Greater(p.t, len(p.captures), i)
	return p.captures[i]
}

// made is how many captures were made, and how often one was wanted.
func (p *pod) made() (captures, asked int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.captures), p.asked
}

func (c *capture) end(err error) { c.once.Do(func() { c.err = err; close(c.endc) }) }

func (c *capture) Accept() (*fwd.Incoming, error) {
	select {
	case in := <-c.inc:
		return in, nil
	default:
	}
	select {
	case in := <-c.inc:
		return in, nil
	case <-c.endc:
		return nil, c.err
	}
}

func (c *capture) Stop(context.Context) error {
	c.stops.Do(func() { close(c.stopc) })
	c.end(net.ErrClosed)
	return nil
}

func (c *capture) Close() error {
	c.end(net.ErrClosed)
	return nil
}

// call is a connection that c captures, as the agent has it.
func (p *pod) call(c *capture) *session.Stream {
	p.t.Helper()
	st, err := p.agent.Open(wire.KindAccepted, wire.Accepted{Listen: 1, Caller: caller, Local: local}.String())
	require.NoError(p.t, err)
	in, err := p.client.Accept(context.Background())
	require.NoError(p.t, err)
	c.inc <- &fwd.Incoming{Conn: in, Caller: caller, Local: local}
	return st
}

// serving serves routes until the test ends, once they are ready.
func (p *pod) serving(routes ...Route) (stop func() error) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	errc, readyc := make(chan error, 1), make(chan Route, len(routes))
	go func() {
		errc <- Serve(ctx, zerolog.New(&p.log), p.listen, routes, func(r Route) { readyc <- r })
	}()
	stop = sync.OnceValue(func() error { cancel(); return <-errc })
	p.t.Cleanup(func() { stop() })
	for range routes {
		<-readyc
	}
	return stop
}

// log is a log that tests can read while it is written.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// pipe is a destination within the test: each connection's other end comes out
// of it.
type pipe chan *pipeEnd

func (p pipe) String() string { return "pipe" }

func (p pipe) Open(ctx context.Context, _, _ netip.AddrPort) (relay.Conn, error) {
	here, there := newPipeEnds()
	p <- there
	return here, nil
}

// pipeEnd is one end of a connection that can be half-closed, for synctest.
type pipeEnd struct {
	r, w net.Conn
}

func newPipeEnds() (*pipeEnd, *pipeEnd) {
	r1, w1 := net.Pipe()
	r2, w2 := net.Pipe()
	return &pipeEnd{r1, w2}, &pipeEnd{r2, w1}
}

func (e *pipeEnd) Read(b []byte) (int, error)  { return e.r.Read(b) }
func (e *pipeEnd) Write(b []byte) (int, error) { return e.w.Write(b) }
func (e *pipeEnd) CloseWrite() error           { return e.w.Close() }
func (e *pipeEnd) Abort(error)                 { e.Close() }
func (e *pipeEnd) Close() error {
	e.r.Close()
	e.w.Close()
	return nil
}
