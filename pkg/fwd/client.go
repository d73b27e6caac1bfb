package fwd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/link"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/internal/version"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Client reaches one target. It has one session with one agent at a time, made
// when it is first needed and made anew when it has ended: connections of the
// old one have failed then, new ones work. Its methods may be called from any
// goroutine.
type Client struct {
	log      zerolog.Logger
	cluster  *kube.Cluster
	launcher *launch.Launcher
	target   kube.Target

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // attempts, a watcher and an accepter of each session, listeners

	mu      sync.Mutex
	session *session.Session // guarded by mu; nil when one must be made
	agent   launch.Agent     // guarded by mu; the last session's
	attempt *attempt         // guarded by mu; to make a session, nil when none is under way
	closed  bool             // guarded by mu

	listeners map[listenKey]*Listener     // guarded by mu; until they are closed
	rounds    map[*session.Session]*round // guarded by mu; of sessions that run

	link     link.Dialer // guarded by mu; to linkPort of linkPod
	linkPod  string      // guarded by mu
	linkPort int         // guarded by mu
}

// attempt is the making of a session. All who need one wait for it and share
// its outcome, its failure too.
type attempt struct {
	donec   chan struct{} // closed when the outcome is known
	session *session.Session
	err     error
}

// New checks cfg and reads the kubeconfig. It asks nothing of the network.
func New(cfg Config) (*Client, error) {
	target, err := cfg.target()
	if err != nil {
		return nil, err
	}
	launchCfg, err := cfg.Agent.launchConfig(cfg.Log)
	if err != nil {
		return nil, err
	}
	cluster, err := kube.New(cfg.kubeConfig())
	if err != nil {
		return nil, err
	}
	launcher, err := launch.New(cluster, launchCfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Client{
		log:      cfg.Log,
		cluster:  cluster,
		launcher: launcher,
		target:   target,
		ctx:      ctx,
		cancel:   cancel,

		listeners: make(map[listenKey]*Listener),
		rounds:    make(map[*session.Session]*round),
	}, nil
}

// Connect makes sure that there is a session with an agent, launching one if
// there is none. Other methods do it by themselves.
func (c *Client) Connect(ctx context.Context) error {
	_, err := c.connect(ctx)
	return err
}

// Agent is the name of the agent that Connect has found or launched.
func (c *Client) Agent() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agent.Name()
}

// Pod is the name of the pod that the agent is in, and with it the network that
// it listens and dials in.
func (c *Client) Pod() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agent.Pod
}

// Dial connects to address, host:port, as the target would: the host is looked
// up there. network must be "tcp". The error is a *net.OpError for what
// happened in the pod, else says why there is no agent.
func (c *Client) Dial(ctx context.Context, network, address string) (*Conn, error) {
	conn, err := c.Open(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Connected(ctx); err != nil {
		conn.Reset(wire.Canceled, "")
		return nil, &net.OpError{Op: "dial", Net: network, Addr: conn.RemoteAddr(), Err: err}
	}
	return conn, nil
}

// Open is Dial that does not wait for the far connection: what is written
// travels with the request, and if it fails, reading and writing do, with the
// reason. It saves a round trip.
func (c *Client) Open(ctx context.Context, network, address string) (*Conn, error) {
	if network != "tcp" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	return c.open(ctx, wire.KindTCP, address)
}

func (c *Client) open(ctx context.Context, kind wire.Kind, address string) (*Conn, error) {
	for {
		s, err := c.connect(ctx)
		if err != nil {
			return nil, err
		}
		st, err := s.Open(kind, address)
		if err == nil || s.Err() == nil && !errors.Is(err, session.ErrGoAway) {
			return st, err
		}
		// The session ended in between: another one will do.
		c.forget(s)
	}
}

// connect returns the session, making one if needed. When ctx ends, the
// attempt goes on for the others, until Close.
func (c *Client) connect(ctx context.Context) (*session.Session, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, net.ErrClosed
	}
	if c.session != nil && c.session.Err() == nil {
		defer c.mu.Unlock()
		return c.session, nil
	}
	a := c.attempt
	if a == nil {
		a = &attempt{donec: make(chan struct{})}
		c.attempt = a
		c.work.Go(func() { c.make(a) })
	}
	c.mu.Unlock()
	select {
	case <-a.donec:
		return a.session, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// make finds or launches an agent and opens a session with it.
func (c *Client) make(a *attempt) {
	var s *session.Session
	agent, err := c.launcher.Ensure(c.ctx, c.target, func(ctx context.Context, a launch.Agent) (err error) {
		s, err = c.greet(ctx, a)
		return err
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(a.donec)
	c.attempt = nil
	switch {
	case err != nil:
		a.err = err
	case c.closed:
		a.err = net.ErrClosed
		c.work.Go(func() { s.Close() })
	default:
		a.session, c.session, c.agent = s, s, agent
		if agent.Note != "" {
			c.log.Warn().Msgf("pod/%s is in trouble: %s", agent.Pod, agent.Note)
		}
		c.work.Go(func() { c.watch(s, agent) })
		first := c.newRound(s)
		c.work.Go(func() { c.accept(s, first) })
	}
}

// watch says when the session with an agent is lost.
func (c *Client) watch(s *session.Session, agent launch.Agent) {
	c.log.Debug().Msgf("connected to %s in pod/%s via %v", agent.Name(), agent.Pod, c.dialer(agent))
	select {
	case <-s.Done():
		if c.ctx.Err() != nil {
			break // it was closed here, see Close
		}
		c.log.Warn().Msgf("connection to %s in pod/%s was lost: %v", agent.Name(), agent.Pod, s.Err())
	case <-c.ctx.Done():
	}
	s.Close()
}

// forget gives up s for new connections; those that run go on.
func (c *Client) forget(s *session.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.session = nil
	}
}

// greet opens a link and a session with an agent.
func (c *Client) greet(ctx context.Context, a launch.Agent) (*session.Session, error) {
	conn, err := c.dialer(a).Dial(ctx)
	if err != nil {
		return nil, err
	}
	s, err := session.Client(ctx, conn, session.Config{Key: a.Key, Build: version.String()})
	var other *wire.VersionError
	if errors.As(err, &other) {
		err = launch.Permanent(fmt.Errorf("%s speaks version %d of the protocol, this program version %d: %w",
			a.Name(), other.Peer, wire.Version, err))
	}
	return s, err
}

// dialer is how a is reached. It is kept, because it remembers what did not
// work.
func (c *Client) dialer(a launch.Agent) link.Dialer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || c.linkPort != a.Port || c.linkPod != a.PodUID {
		c.link = link.NewPortForward(c.cluster.RESTConfig(), a.Namespace, a.Pod, a.Port, c.log)
		c.linkPod, c.linkPort = a.PodUID, a.Port
	}
	return c.link
}

// Shutdown waits until all that was written has been consumed in the pod, then
// it is Close. When ctx ends first it returns why.
func (c *Client) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	var err error
	if s != nil {
		err = s.Shutdown(ctx)
	}
	c.Close()
	return err
}

// Close ends the session at once, and a launch that is under way; connections
// fail. An agent that runs stays until it is idle. Close returns when all of it
// has ended.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.cancel()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.Close()
	}
	c.work.Wait()
	return nil
}
