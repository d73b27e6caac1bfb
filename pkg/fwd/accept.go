package fwd

import (
	"context"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// round is a part of accept's time, which ends when someone asks.
type round struct {
	ctx    context.Context
	cancel context.CancelFunc // asks
	donec  chan struct{}      // closed when all that had arrived by then is dispatched
}

// accept gives the streams that the agent opens to their listeners, until the
// session ends. r is the first round of s.
func (c *Client) accept(s *session.Session, r *round) {
	for s.Err() == nil {
		c.dispatch(r.ctx, s)
		asked := r
		c.mu.Lock()
		r = c.newRound(s)
		c.mu.Unlock()
		c.dispatch(asked.ctx, s) // for who asked last, just before the next round
		close(asked.donec)
	}
	c.mu.Lock()
	delete(c.rounds, s)
	c.mu.Unlock()
	r.cancel()
	close(r.donec)
}

// newRound is called with mu held.
func (c *Client) newRound(s *session.Session) *round {
	r := &round{donec: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	c.rounds[s] = r
	return r
}

// dispatched returns when all streams that have arrived on s are dispatched.
func (c *Client) dispatched(s *session.Session) {
	c.mu.Lock()
	r := c.rounds[s]
	c.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.donec
	}
}

// dispatch accepts until ctx or the session has ended, and no stream is left.
func (c *Client) dispatch(ctx context.Context, s *session.Session) {
	for {
		st, err := s.Accept(ctx)
		if err != nil {
			return
		}
		if st.Kind() != wire.KindAccepted {
			st.Reset(wire.Unsupported, "")
			continue
		}
		a, err := wire.ParseAccepted(st.Address())
		if err != nil {
			st.Reset(wire.Unsupported, err.Error())
			continue
		}
		c.mu.Lock()
		l := c.listeners[listenKey{s, a.Listen}]
		c.mu.Unlock()
		if l == nil { // it was closed
			st.Reset(wire.Canceled, "")
			continue
		}
		l.arrived(&Incoming{Conn: st, Caller: a.Caller, Local: a.Local})
	}
}
