package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

type runCommand struct {
	flags.Target
	flags.Agent
	flags.Capture
	Local   []string `short:"L" sep:"none" placeholder:"[BIND:][PORT:]HOST:PORT" help:"Listen on a local port and connect each connection to HOST:PORT as the target sees it; may be repeated. PORT 0: any free one. BIND *: on all addresses."`
	Remote  []string `short:"R" sep:"none" placeholder:"[REMOTE:]LOCAL" help:"Give connections to port REMOTE of the target to LOCAL: a port, HOST:PORT or unix:/PATH here; may be repeated. One port means both."`
	Command []string `arg:"" optional:"" name:"command" help:"After --: run this while the routes are there, and exit with its code."`
}

func (c *runCommand) Run(ctx context.Context, env cli.Env) error {
	job, err := c.plan()
	if err != nil {
		return cli.Usage(err)
	}
	// Whoever reads the lines may have seen enough of them. A command must not
	// inherit that, as it would what is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if len(job.remotes) > 0 {
		env.Log.Info().Msg(job.mode())
	}
	for _, warning := range job.warnings {
		env.Log.Warn().Msg(warning)
	}
	cfg := flags.Config(c.Target, c.Agent, env.Log)
	cfg.Agent.Privileges = flags.Privileges(job.remotes)
	client, err := fwd.New(cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	far := through(client)
	if c.AllPods {
		far.serve = deliver.InAll(cfg)
		if len(job.locals) == 0 {
			far.connect = nil
		}
	}
	return job.run(ctx, env, far, c.Probes(env.Log))
}
