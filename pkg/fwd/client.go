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

	turn chan struct{} // holds a token while a session is being made

	mu      sync.Mutex
	session *session.Session // guarded by mu
	agent   launch.Agent     // guarded by mu; the session's
	closed  bool             // guarded by mu

	link     link.Dialer // guarded by mu; to linkPort of linkPod
	linkPod  string      // guarded by mu
	linkPort int         // guarded by mu
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
	return &Client{
		log:      cfg.Log,
		cluster:  cluster,
		launcher: launcher,
		target:   target,
		turn:     make(chan struct{}, 1),
	}, nil
}

// Connect makes sure that there is a session with an agent, launching one if
// there is none. Other methods do it by themselves.
func (c *Client) Connect(ctx context.Context) error {
	_, err := c.connect(ctx)
	return err
}

// Agent is the agent of the session that Connect has made: pod and container,
// for people.
func (c *Client) Agent() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agent.Name()
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

// connect returns the session, making one if needed. Callers take turns, so
// that many connections that need one make only one.
func (c *Client) connect(ctx context.Context) (*session.Session, error) {
	if s, err := c.current(); s != nil || err != nil {
		return s, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s, err := c.current(); s != nil || err != nil {
		return s, err
	}
	var s *session.Session
	agent, err := c.launcher.Ensure(ctx, c.target, func(ctx context.Context, a launch.Agent) (err error) {
		s, err = c.greet(ctx, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.log.Debug().Msgf("connected to %s in pod/%s", agent.Name(), agent.Pod)
	if !c.adopt(s, agent) {
		s.Close()
		return nil, net.ErrClosed
	}
	return s, nil
}

// adopt makes s the session, unless the client was closed meanwhile.
func (c *Client) adopt(s *session.Session, agent launch.Agent) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.session, c.agent = s, agent
	return true
}

// current is the session if it can be used, and nil if one must be made.
func (c *Client) current() (*session.Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, net.ErrClosed
	case c.session == nil:
		return nil, nil
	case c.session.Err() != nil:
		c.log.Warn().Msgf("connection to %s was lost: %v", c.agent.Name(), c.session.Err())
		c.session = nil
	}
	return c.session, nil
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

// Shutdown waits until all that was written has been consumed in the pod and
// then ends the session.
func (c *Client) Shutdown(ctx context.Context) error {
	if s := c.end(); s != nil {
		return s.Shutdown(ctx)
	}
	return nil
}

// Close ends the session at once; its connections fail. The agent stays until
// it is idle.
func (c *Client) Close() error {
	if s := c.end(); s != nil {
		return s.Close()
	}
	return nil
}

func (c *Client) end() *session.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.session
}
