package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

type stopCommand struct {
	flags.Cluster
	Names []string `arg:"" optional:"" name:"name" help:"Agents to stop, as fwd-agent ls names them."`
	All   bool     `help:"Stop all that fwd-agent ls lists."`
}

func (c *stopCommand) Run(ctx context.Context, env cli.Env) error {
	if c.All == (len(c.Names) > 0) {
		return cli.Usage(errors.New("want either names or --all"))
	}
	return withAgents(ctx, env, c.Cluster, func(client *fwd.Client, agents []fwd.AgentInfo) error {
		return c.stop(ctx, env, client, agents)
	})
}

func (c *stopCommand) stop(ctx context.Context, env cli.Env, client *fwd.Client, agents []fwd.AgentInfo) error {
	var errs []error
	for _, name := range c.Names {
		if !slices.ContainsFunc(agents, func(a fwd.AgentInfo) bool { return a.Name() == name }) {
			errs = append(errs, fmt.Errorf("no agent %q; fwd-agent ls lists them", name))
		}
	}
	for _, a := range agents {
		if !c.All && !slices.Contains(c.Names, a.Name()) {
			continue
		}
		if err := client.Stop(ctx, a); err != nil {
			errs = append(errs, err)
			continue
		}
		env.Log.Info().Msgf("stopped %s", a.Name())
	}
	return errors.Join(errs...)
}
