package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

type listCommand struct {
	flags.Cluster
	JSON bool `name:"json" help:"Print one JSON object per agent: name, namespace, pod, target, image, state, created."`
}

// line is one object of --json.
type line struct {
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	Pod       string    `json:"pod"`
	Target    string    `json:"target,omitempty"` // empty: targetless
	Image     string    `json:"image"`
	State     string    `json:"state"`
	Created   time.Time `json:"created"`
}

func (c *listCommand) Run(ctx context.Context, env cli.Env) error {
	return withAgents(ctx, env, c.Cluster, func(_ *fwd.Client, agents []fwd.AgentInfo) error {
		return c.print(env, agents)
	})
}

func (c *listCommand) print(env cli.Env, agents []fwd.AgentInfo) error {
	if c.JSON {
		out := json.NewEncoder(env.Stdout)
		for _, a := range agents {
			if err := out.Encode(line{a.Name(), a.Namespace, a.Pod, a.Target, a.Image, a.State, a.Created}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(agents) == 0 {
		env.Log.Info().Msg("no agents")
		return nil
	}
	out := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "NAME\tNAMESPACE\tPOD\tSTATE\tAGE")
	for _, a := range agents {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", a.Name(), a.Namespace, a.Pod, a.State, time.Since(a.Created).Round(time.Second))
	}
	return out.Flush()
}
