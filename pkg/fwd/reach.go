package fwd

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/link"
	"github.com/fwdtools/fwd/internal/pinned"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/internal/version"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Via is the kind of link that sessions go over.
type Via string

const (
	// ViaAuto is the fastest link that works. It is the default.
	ViaAuto Via = "auto"
	// ViaPortForward is pods/portforward, which reaches every pod.
	ViaPortForward Via = "portforward"
	// ViaProxy is pods/proxy, which is faster, and which the cluster may not
	// allow: the verb, or a way from the API server to the pod's address. The
	// agent's key for it is asked for once, by pods/portforward.
	ViaProxy Via = "proxy"
)

const (
	// proxyTime bounds an attempt via proxy: where the network drops packets it
	// would last half a minute.
	proxyTime = 5 * time.Second
	// headStart is what the faster link has before the other one is tried, as
	// RFC 8305 has it for addresses.
	headStart = 250 * time.Millisecond
	// knockTime bounds the question whether pods/proxy is permitted: a refusal
	// comes before the API server has tried to reach the pod.
	knockTime = 2 * time.Second
)

// opener opens a session with an agent.
type opener func(ctx context.Context, a launch.Agent) (*session.Session, error)

// reached is a session with an agent.
type reached struct {
	session *session.Session
	via     Via
	second  launch.SecondLink // what is known now
}

// reach opens a session with a: with whichever link is ready first, or the one
// that was asked for.
func (c *Client) reach(ctx context.Context, a launch.Agent) (reached, error) {
	switch {
	case c.via == ViaProxy:
		return c.reachByProxy(ctx, a)
	case c.via == ViaPortForward, !a.Second.Known(), a.Second.Failed != "":
		s, err := c.over[ViaPortForward](ctx, a)
		return reached{s, ViaPortForward, a.Second}, err
	}
	return c.race(ctx, a)
}

// race tries both links, the faster one first.
func (c *Client) race(ctx context.Context, a launch.Agent) (reached, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		reached
		err error
	}
	outc := make(chan outcome, 2)
	running := 0
	try := func(via Via) {
		running++
		c.work.Go(func() {
			s, err := c.over[via](ctx, a)
			outc <- outcome{reached{s, via, a.Second}, err}
		})
	}
	try(ViaProxy)
	slow := time.NewTimer(headStart)
	defer slow.Stop()
	failed := make(map[Via]error)
	for second := false; ; {
		select {
		case <-slow.C:
		case o := <-outc:
			running--
			if o.err == nil {
				if running > 0 { // the other one was begun for nothing
					c.work.Go(func() {
						if late := <-outc; late.err == nil {
							late.session.Close()
						}
					})
				}
				o.second.Failed = blame(failed[ViaProxy])
				return o.reached, nil
			}
			failed[o.via] = o.err
			if len(failed) == 2 { // which tells more of the agent
				return reached{}, failed[ViaPortForward]
			}
		}
		if !second {
			second = true
			try(ViaPortForward)
		}
	}
}

// blame is what is wrong with the link via proxy, when an attempt at it ended in
// err and the other link works. It is nothing if there was no connection to the
// API server: both links need that.
func blame(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if err == nil || ok && op.Op == "dial" {
		return ""
	}
	return err.Error()
}

// reachByProxy does without pods/portforward if a's second link is known. If it
// then fails, only the other link tells whether a is there at all.
func (c *Client) reachByProxy(ctx context.Context, a launch.Agent) (reached, error) {
	var proxyErr error
	if a.Second.Known() {
		s, err := c.over[ViaProxy](ctx, a)
		if err == nil {
			a.Second.Failed = ""
			return reached{s, ViaProxy, a.Second}, nil
		}
		proxyErr = err
	}
	first, err := c.over[ViaPortForward](ctx, a)
	if err != nil {
		return reached{}, cmp.Or(c.forbidsProxy(ctx, a), err)
	}
	defer first.Close()
	if proxyErr == nil {
		var r reached
		if r, proxyErr = c.improve(ctx, first, a); proxyErr == nil {
			return r, nil
		}
	}
	if end := first.Err(); end != nil {
		return reached{}, end // it says nothing about the link
	}
	return reached{}, launch.Permanent(fmt.Errorf("%s does not answer via proxy (--via auto would use portforward): %w", a.Name(), proxyErr))
}

// forbidsProxy is why the cluster would not let us use pods/proxy, or nil. It
// is asked once for each pod, when there is no agent that answers: before one is
// added, which cannot be taken back. Nobody listens there yet, so any other
// failure says nothing.
func (c *Client) forbidsProxy(ctx context.Context, a launch.Agent) error {
	c.mu.Lock()
	again := c.knocked == a.PodUID
	c.knocked = a.PodUID
	c.mu.Unlock()
	if again {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	conn, err := c.dialProxy(ctx, a, a.Port, "")
	if err == nil {
		conn.Close()
	}
	if forbidden, ok := errors.AsType[*kube.ForbiddenError](err); ok {
		return fmt.Errorf("via proxy (--via auto would use portforward): %w", forbidden)
	}
	return nil
}

// improve opens a session via proxy with the agent that s is with. What was
// learnt of its second link is valid with an error, too.
func (c *Client) improve(ctx context.Context, s *session.Session, a launch.Agent) (reached, error) {
	if !a.Second.Known() {
		var err error
		if a.Second, err = askSecond(ctx, s); err != nil {
			return reached{second: a.Second}, err
		}
		c.remember(a, a.Second) // for the next command, if this one ends first
	}
	next, err := c.over[ViaProxy](ctx, a)
	a.Second.Failed = blame(err)
	return reached{next, ViaProxy, a.Second}, err
}

// askSecond asks an agent for its second link (SPEC.md 10).
func askSecond(ctx context.Context, s *session.Session) (launch.SecondLink, error) {
	st, err := s.Open(wire.KindControl, "proxy")
	if err != nil {
		return launch.SecondLink{}, err
	}
	defer st.Close()
	where, err := st.Connected(ctx)
	if err != nil {
		return launch.SecondLink{}, fmt.Errorf("ask the agent for its second port: %w", err)
	}
	p, k, _ := strings.Cut(where, " ")
	port, err := strconv.ParseUint(p, 10, 16)
	key, kerr := base64.RawURLEncoding.DecodeString(k)
	if err != nil || port == 0 || kerr != nil || len(key) != ed25519.PublicKeySize {
		return launch.SecondLink{}, fmt.Errorf("the agent said of its second port %q", where)
	}
	return launch.SecondLink{Port: int(port), Key: key}, nil
}

// answers reports whether the agent of s does, before long.
func answers(ctx context.Context, s *session.Session) bool {
	ctx, cancel := context.WithTimeout(ctx, proxyTime)
	defer cancel()
	_, err := askSecond(ctx, s)
	return err == nil
}

// overPortForward opens a session via portforward.
func (c *Client) overPortForward(ctx context.Context, a launch.Agent) (*session.Session, error) {
	conn, err := c.portForward(a).Dial(ctx)
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

// overProxy opens a session via proxy.
func (c *Client) overProxy(ctx context.Context, a launch.Agent) (*session.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, proxyTime, fmt.Errorf("no answer within %v", proxyTime))
	defer cancel()
	conn, err := c.dialProxy(ctx, a, a.Second.Port, base64.RawURLEncoding.EncodeToString(a.Second.Key))
	if err != nil {
		return nil, cause(ctx, err)
	}
	sealed, err := pinned.Client(ctx, conn, a.Key, a.Second.Key)
	if err != nil {
		return nil, cause(ctx, err)
	}
	s, err := session.Client(ctx, sealed, session.Config{Key: a.Key, Build: version.String()})
	return s, cause(ctx, err)
}

func (c *Client) dialProxy(ctx context.Context, a launch.Agent, port int, path string) (net.Conn, error) {
	return link.NewProxy(c.cluster.RESTConfig(), a.Namespace, a.Pod, port, path).Dial(ctx)
}

// cause is why ctx has ended, if it has, since err says only that.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// portForward is how a is reached by pods/portforward. It is kept, because it
// remembers what did not work.
func (c *Client) portForward(a launch.Agent) link.Dialer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || c.linkPort != a.Port || c.linkPod != a.PodUID {
		c.link = link.NewPortForward(c.cluster.RESTConfig(), a.Namespace, a.Pod, a.Port, c.log)
		c.linkPod, c.linkPort = a.PodUID, a.Port
	}
	return c.link
}
