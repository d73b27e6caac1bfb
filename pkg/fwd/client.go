package fwd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/link"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Client reaches one target. It has one session with one agent, or a few, made
// when they are first needed and made anew when they have ended: connections of
// the old ones have failed then, new ones work. Its methods may be called from
// any goroutine.
type Client struct {
	log      zerolog.Logger
	cluster  *kube.Cluster
	launcher launcher
	over     map[Via]opener // how a session is opened
	target   kube.Target
	via      Via
	parallel int

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // attempts, a watcher and an accepter of each session, listeners

	mu          sync.Mutex
	sessions    []*session.Session        // guarded by mu; for new streams, all with one agent
	sessionsVia Via                       // guarded by mu; what they go over
	alive       map[*session.Session]bool // guarded by mu; those that were replaced, too
	agent       launch.Agent              // guarded by mu; the last session's
	lost        string                    // guarded by mu; the agent of the session that was lost last, until there is a new session
	attempt     *attempt                  // guarded by mu; to make a session, nil when none is under way
	settling    chan struct{}             // guarded by mu; closed when it is known which link is the fastest
	growing     bool                      // guarded by mu; a parallel link is being made
	closed      bool                      // guarded by mu

	listeners map[listenKey]*Listener     // guarded by mu; until they are closed
	rounds    map[*session.Session]*round // guarded by mu; of sessions that run

	link     link.Dialer // guarded by mu; to linkPort of linkPod
	linkPod  string      // guarded by mu
	linkPort int         // guarded by mu
	knocked  string      // guarded by mu; the pod that forbidsProxy has asked about
}

// launcher finds, launches and ends agents, and remembers what was learnt of
// them: a *launch.Launcher.
type launcher interface {
	Ensure(ctx context.Context, target kube.Target, connect launch.Connect) (launch.Agent, error)
	Remember(a launch.Agent, second launch.SecondLink) error
	List(ctx context.Context) ([]launch.Info, error)
	Stop(ctx context.Context, a launch.Agent, ask func(context.Context, launch.Agent) error) error
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
	via := cmp.Or(cfg.Via, ViaAuto)
	if via != ViaAuto && via != ViaPortForward && via != ViaProxy {
		return nil, fmt.Errorf("via %q: want auto, portforward or proxy", cfg.Via)
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
	c := &Client{
		log:      cfg.Log,
		cluster:  cluster,
		launcher: launcher,
		target:   target,
		via:      via,
		parallel: max(cfg.Parallel, 1),
		ctx:      ctx,
		cancel:   cancel,

		alive:     make(map[*session.Session]bool),
		listeners: make(map[listenKey]*Listener),
		rounds:    make(map[*session.Session]*round),
	}
	c.over = map[Via]opener{ViaPortForward: c.overPortForward, ViaProxy: c.overProxy}
	return c, nil
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
		if err == nil || s.Err() == nil && !superseded(err) {
			return st, err
		}
		// The session ended in between: another one will do.
		c.forget(s)
	}
}

// superseded is an error of a session that takes no new streams.
func superseded(err error) bool {
	return errors.Is(err, session.ErrGoAway) || errors.Is(err, session.ErrClosed)
}

// connect returns the session, making one if needed. When ctx ends, the
// attempt goes on for the others, until Close.
func (c *Client) connect(ctx context.Context) (*session.Session, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, net.ErrClosed
	}
	if s := c.pick(); s != nil {
		c.mu.Unlock()
		return s, nil
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
	var r reached
	agent, err := c.launcher.Ensure(c.ctx, c.target, func(ctx context.Context, a launch.Agent) (err error) {
		r, err = c.reach(ctx, a)
		return err
	})
	if err == nil && !r.second.Equal(agent.Second) {
		agent.Second = r.second
		c.remember(agent, r.second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(a.donec)
	c.attempt = nil
	if err == nil && c.closed {
		err = net.ErrClosed
	}
	switch {
	case err != nil:
		a.err = err
		if r.session != nil { // it came too late, or could not be recorded
			c.work.Go(func() { r.session.Close() })
		}
	default:
		a.session, c.agent = r.session, agent
		if agent.Note != "" {
			c.log.Warn().Msgf("pod/%s is in trouble: %s", agent.Pod, agent.Note)
		}
		c.adopt(r.session, r.via, agent)
		// On a node's network a second port would be one of the node.
		if c.via == ViaAuto && r.via == ViaPortForward && agent.Second.Failed == "" && !agent.HostNetwork {
			settling := make(chan struct{})
			c.settling = settling
			c.work.Go(func() { defer close(settling); c.hasten(r.session, agent) })
		} else {
			c.fill()
		}
	}
}

// Shutdown waits until all that was written has been consumed in the pod, then
// it is Close. When ctx ends first it returns why.
func (c *Client) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	alive := slices.Collect(maps.Keys(c.alive))
	c.mu.Unlock()
	errc := make(chan error)
	for _, s := range alive {
		go func() { errc <- s.Shutdown(ctx) }()
	}
	var errs []error
	for range alive {
		errs = append(errs, <-errc)
	}
	c.Close()
	return errors.Join(errs...)
}

// Close ends the session at once, and a launch that is under way; connections
// fail. An agent that runs stays until it is idle. Close returns when all of it
// has ended.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.cancel()
	alive := slices.Collect(maps.Keys(c.alive))
	c.mu.Unlock()
	for _, s := range alive {
		s.Close()
	}
	c.work.Wait()
	return nil
}
