package fwd

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// way is how attempts at one kind of link go.
type way struct {
	takes time.Duration
	fails error
	limit int  // attempts beyond it fail, unless 0
	deaf  bool // an attempt does not end with its context
	tried int
	ends  []*session.Session // the agent's, oldest first
}

// links is a launcher of one agent, and the two ways to it.
type links struct {
	agent launch.Agent

	mu          sync.Mutex
	proxy       way                 // guarded by mu
	portForward way                 // guarded by mu
	unknown     bool                // guarded by mu; the agent is older than the word
	answers     int                 // guarded by mu; how often it still answers to the word
	ensured     error               // guarded by mu; what Ensure ends with after it has connected
	remembered  []launch.SecondLink // guarded by mu
	listens     []*session.Stream   // guarded by mu
}

var _ launcher = (*links)(nil)

func newLinks(t *testing.T) *links {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return &links{agent: launch.Agent{Container: "fwd-agent-x", Pod: "web-1", PodUID: "u", Port: 61000, Key: key}, answers: 100}
}

// second is what the agent says of its second link.
func (l *links) second() launch.SecondLink {
	return launch.SecondLink{Port: 61001, Key: l.agent.Key.Public().(ed25519.PublicKey)}
}

// failed is second with a reason.
func (l *links) failed(why string) launch.SecondLink {
	s := l.second()
	s.Failed = why
	return s
}

// start returns a client that goes these ways.
func (l *links) start(via Via, parallel int) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	return &Client{
		log: zerolog.Nop(), ctx: ctx, cancel: cancel, launcher: l, via: via, parallel: parallel,
		over: map[Via]opener{
			ViaProxy: func(ctx context.Context, _ launch.Agent) (*session.Session, error) { return l.open(ctx, &l.proxy) },
			ViaPortForward: func(ctx context.Context, _ launch.Agent) (*session.Session, error) {
				return l.open(ctx, &l.portForward)
			},
		},
		alive:     make(map[*session.Session]bool),
		listeners: make(map[listenKey]*Listener),
		rounds:    make(map[*session.Session]*round),
	}
}

func (l *links) open(ctx context.Context, w *way) (*session.Session, error) {
	l.mu.Lock()
	w.tried++
	takes, fails, deaf := w.takes, w.fails, w.deaf
	if w.limit > 0 && w.tried > w.limit {
		fails = errGone
	}
	l.mu.Unlock()
	if deaf {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if fails != nil {
		return nil, fails
	}
	here, there := net.Pipe()
	go func() {
		s, err := session.Agent(context.Background(), there, session.Config{Peer: l.agent.Key.Public().(ed25519.PublicKey)})
		if err != nil {
			return
		}
		l.mu.Lock()
		w.ends = append(w.ends, s)
		l.mu.Unlock()
		for {
			st, err := s.Accept(context.Background())
			if err != nil {
				s.Close()
				return
			}
			go l.handle(st)
		}
	}()
	return session.Client(ctx, here, session.Config{Key: l.agent.Key})
}

// handle plays the agent for one stream.
func (l *links) handle(st *session.Stream) {
	switch st.Kind() {
	case wire.KindControl:
		l.mu.Lock()
		unknown, answer := l.unknown, l.answers > 0
		l.answers--
		l.mu.Unlock()
		switch {
		case st.Address() == "stop":
			st.Accept("")
		case unknown:
			st.Reset(wire.Unsupported, "this agent does not know the word proxy")
		case answer:
			st.Accept("61001 " + base64.RawURLEncoding.EncodeToString(l.second().Key))
		default:
			<-st.Done()
		}
		st.Close()
	case wire.KindListen:
		st.Accept("")
		l.mu.Lock()
		l.listens = append(l.listens, st)
		l.mu.Unlock()
		io.Copy(io.Discard, st)
		st.Close()
	default:
		st.Accept("")
		io.Copy(st, st)
		st.CloseWrite()
		st.Close()
	}
}

// sessions are those of the agent that a way has led to and that run.
func (l *links) sessions(w *way) (open []*session.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range w.ends {
		if s.Err() == nil {
			open = append(open, s)
		}
	}
	return open
}

func (l *links) tried(w *way) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return w.tried
}

func (l *links) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *links) learnt() []launch.SecondLink {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.remembered)
}

// first is the first listen stream.
func (l *links) first() *session.Stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listens[0]
}

func (l *links) Ensure(ctx context.Context, _ kube.Target, connect launch.Connect) (launch.Agent, error) {
	err := connect(ctx, l.agent)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		err = l.ensured
	}
	return l.agent, err
}

func (l *links) Remember(_ launch.Agent, second launch.SecondLink) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remembered = append(l.remembered, second)
	return nil
}

func (l *links) List(context.Context) ([]launch.Info, error) { return nil, nil }

func (l *links) Stop(ctx context.Context, a launch.Agent, ask func(context.Context, launch.Agent) error) error {
	return ask(ctx, a)
}

// dial opens a connection that echoes.
func dial(t *testing.T, c *Client) *Conn {
	t.Helper()
	conn, err := c.Dial(context.Background(), "tcp", "db:5432")
	require.NoError(t, err)
	return conn
}

// checkEcho says something on conn, hears it again, and if last is set sees
// conn to its end.
func checkEcho(t *testing.T, conn *Conn, last bool) {
	t.Helper()
	_, err := io.WriteString(conn, "hello")
	require.NoError(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	if last {
		require.NoError(t, conn.CloseWrite())
		_, err = conn.Read(got)
		require.Equal(t, io.EOF, err)
		conn.Close()
	}
}
