package fwd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
)

// settleTime bounds how long a capture waits for the fastest link: it stays
// with the one that it begins on.
const settleTime = time.Second

// pick returns the session for a new stream, of those with the agent the one
// that has the fewest, or nil. Called with mu held.
func (c *Client) pick() *session.Session {
	c.sessions = slices.DeleteFunc(c.sessions, func(s *session.Session) bool { return s.Err() != nil })
	if len(c.sessions) == 0 {
		return nil
	}
	best := c.sessions[0]
	if c.parallel == 1 {
		return best
	}
	least := best.Streams()
	for _, s := range c.sessions[1:] {
		if n := s.Streams(); n < least {
			best, least = s, n
		}
	}
	if least > 0 {
		c.fill()
	}
	return best
}

// adopt makes s the session for new streams, in place of those that are there.
// Called with mu held.
func (c *Client) adopt(s *session.Session, via Via, agent launch.Agent) {
	c.sessions, c.sessionsVia = []*session.Session{s}, via
	c.begin(s, via, agent)
}

// begin does what each session needs. Called with mu held.
func (c *Client) begin(s *session.Session, via Via, agent launch.Agent) {
	c.alive[s] = true
	c.lost = ""
	c.work.Go(func() { c.watch(s, via, agent) })
	first := c.newRound(s)
	c.work.Go(func() { c.accept(s, first) })
}

// watch says when a session with an agent is lost: once, if several are.
func (c *Client) watch(s *session.Session, via Via, agent launch.Agent) {
	c.log.Debug().Msgf("connected to %s in pod/%s via %s", agent.Name(), agent.Pod, via)
	select {
	case <-s.Done():
		if c.ctx.Err() != nil || errors.Is(s.Err(), session.ErrClosed) {
			break // it was closed here
		}
		level := zerolog.WarnLevel
		if c.said(agent) {
			level = zerolog.DebugLevel
		}
		c.log.WithLevel(level).Msgf("connection to %s in pod/%s was lost: %v", agent.Name(), agent.Pod, s.Err())
	case <-c.ctx.Done():
	}
	s.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.alive, s)
}

// said reports whether nothing has come between this loss of a session with
// agent and another one.
func (c *Client) said(agent launch.Agent) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.lost == agent.Name()
	c.lost = agent.Name()
	return said
}

// forget gives up s for new streams; those that run go on.
func (c *Client) forget(s *session.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = slices.DeleteFunc(c.sessions, func(o *session.Session) bool { return o == s })
}

// hasten moves new streams from s, which goes via portforward, to a session via
// proxy, if there is a way; streams that run stay, and s with them.
func (c *Client) hasten(s *session.Session, agent launch.Agent) {
	r, err := c.improve(c.ctx, s, agent)
	// If the agent does not answer on s either, it is not the link that failed.
	if err == nil || r.second.Failed != "" && answers(c.ctx, s) {
		c.remember(agent, r.second)
	}
	if err != nil {
		c.log.Debug().Err(err).Msg("no link via proxy, staying with portforward")
		c.mu.Lock()
		defer c.mu.Unlock()
		c.fill()
		return
	}
	c.mu.Lock()
	// Where s was lost meanwhile, there may be another agent.
	if c.closed || !slices.Contains(c.sessions, s) {
		c.mu.Unlock()
		r.session.Close()
		return
	}
	old := c.sessions
	c.agent.Second = r.second
	c.adopt(r.session, ViaProxy, agent)
	c.fill()
	c.mu.Unlock()
	for _, o := range old {
		c.work.Go(func() { c.retire(o) })
	}
}

// retire ends a session that gets no new streams, after the last one. Who asked
// for a session a moment too early asks again.
func (c *Client) retire(s *session.Session) {
	if s.Idle(c.ctx) == nil {
		s.Shutdown(c.ctx)
	}
}

// fill begins to make the sessions that may be beside those that are there, so
// that they are before connections come: a stream stays where it began. Called
// with mu held.
func (c *Client) fill() {
	if c.closed || c.growing || len(c.sessions) == 0 || len(c.sessions) >= c.parallel {
		return
	}
	c.growing = true
	s := c.sessions[0]
	c.work.Go(func() { c.grow(s) })
}

// grow adds a session beside s, and then the next one.
func (c *Client) grow(s *session.Session) {
	c.mu.Lock()
	agent, via := c.agent, c.sessionsVia
	c.mu.Unlock()
	next, err := c.over[via](c.ctx, agent)
	c.mu.Lock()
	c.growing = false
	use := err == nil && !c.closed && slices.Contains(c.sessions, s)
	if use {
		c.sessions = append(c.sessions, next)
		c.begin(next, via, agent)
	}
	if err == nil { // else when there is use for it
		c.fill()
	}
	c.mu.Unlock()
	switch {
	case err != nil:
		c.log.Debug().Err(err).Msg("no parallel link")
	case !use:
		next.Close()
	}
}

// settled waits until it is known which link is the fastest, for a while.
func (c *Client) settled(ctx context.Context) {
	c.mu.Lock()
	settling := c.settling
	c.mu.Unlock()
	if settling == nil {
		return
	}
	bounded := time.NewTimer(settleTime)
	defer bounded.Stop()
	select {
	case <-settling:
	case <-bounded.C:
	case <-ctx.Done():
	}
}

func (c *Client) remember(agent launch.Agent, second launch.SecondLink) {
	if err := c.launcher.Remember(agent, second); err != nil {
		c.log.Debug().Err(err).Msg("the agent's second link is not remembered")
	}
}
