// Command fwd-agent holds routes through an agent, puts one into the cluster,
// lists agents and stops them. The other commands launch one by themselves when
// they need it.
package main

import (
	"context"
	"fmt"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

const description = `Hold routes into and out of a pod; put an agent into the cluster, list agents, stop them.

  fwd-agent run -t deploy/web -L 5432:db:5432 -R 80:8080
  fwd-agent run -t deploy/web -L 5432:db:5432 -- make test
  fwd-agent launch -t deploy/web
  fwd-agent ls
  fwd-agent stop --all`

type command struct {
	cli.Flags
	Run    runCommand    `cmd:"" help:"Hold any number of routes, both ways, in one session."`
	Launch launchCommand `cmd:"" help:"Launch an agent, or find the one that is there, and print its name."`
	Ls     listCommand   `cmd:"" help:"List the agents that were launched from this machine into the cluster."`
	Stop   stopCommand   `cmd:"" help:"Stop agents that were launched from this machine."`
}

type launchCommand struct {
	flags.Target
	flags.Agent
}

func (c *launchCommand) Run(ctx context.Context, env cli.Env) error {
	client, err := fwd.New(flags.Config(c.Target, c.Agent, env.Log))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Connect(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, client.Agent())
	return err
}

func main() {
	cli.Main(cli.Program{Name: "fwd-agent", Description: description, Command: &command{}, Explain: flags.Explain})
}
