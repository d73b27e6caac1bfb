package fwd

import (
	"context"
	"errors"
	"net"

	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// AgentInfo is an agent that this machine has launched.
type AgentInfo = launch.Info

// Agents lists the agents that this machine has launched in the cluster.
func (c *Client) Agents(ctx context.Context) ([]AgentInfo, error) { return c.launcher.List(ctx) }

// Stop ends an agent: a Job is deleted, an ephemeral container asked to end.
func (c *Client) Stop(ctx context.Context, a AgentInfo) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.work.Add(1)
	c.mu.Unlock()
	defer c.work.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	return c.launcher.Stop(ctx, a.Agent, func(ctx context.Context, a launch.Agent) error {
		r, err := c.reach(ctx, a)
		if err != nil {
			return err
		}
		defer r.session.Close()
		_, err = r.session.Dial(ctx, wire.KindControl, "stop")
		var end *session.Error
		if errors.As(err, &end) && end.Remote && end.Code == wire.ShuttingDown {
			return nil // it ended before its answer was sent
		}
		return err
	})
}
