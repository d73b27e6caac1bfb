package main

import (
	"context"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// withAgents calls do with the agents that this machine has launched into the
// cluster, and a client that is closed when it returns.
func withAgents(ctx context.Context, env cli.Env, c flags.Cluster, do func(*fwd.Client, []fwd.AgentInfo) error) error {
	client, err := fwd.New(c.Config(env.Log))
	if err != nil {
		return err
	}
	defer client.Close()
	agents, err := client.Agents(ctx)
	if err != nil {
		return err
	}
	return do(client, agents)
}
