package fwd

import (
	"context"
	"errors"

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
	return c.launcher.Stop(ctx, a.Agent, func(ctx context.Context, a launch.Agent) error {
		s, err := c.greet(ctx, a)
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Dial(ctx, wire.KindControl, "stop")
		var end *session.Error
		if errors.As(err, &end) && end.Remote && end.Code == wire.ShuttingDown {
			return nil // it ended before its answer was sent
		}
		return err
	})
}
