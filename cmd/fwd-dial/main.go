// Command fwd-dial connects standard input and output, or local ports, to an
// address as a pod sees it.
package main

import (
	"context"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
)

const description = `Connect standard input and output, or local ports, to an address as a pod sees it.

  ssh -o ProxyCommand='fwd-dial %h:%p' build-box
  printf 'GET / HTTP/1.0\r\n\r\n' | fwd-dial py-serv:80
  fwd-dial -t deploy/web -L 9000:py-serv:80 -L db.prod.svc:5432`

type command struct {
	cli.Flags
	flags.Target
	flags.Agent
	Address string   `arg:"" optional:"" placeholder:"HOST:PORT" help:"Address to connect standard input and output to. Names are looked up in the pod."`
	Local   []string `short:"L" sep:"none" placeholder:"[BIND:][PORT:]HOST:PORT" help:"Listen on a local port and connect each connection to HOST:PORT; may be repeated. PORT 0: any free one. BIND *: on all addresses."`
	NoAgent bool     `help:"Put no agent into the cluster: a plain port-forward to a port of the target itself. HOST must be localhost; no half-close: a peer that waits for the end of input is cut off; one stalled connection may stall others."`
}

func (c *command) Run(ctx context.Context, env cli.Env) error {
	job, err := c.plan()
	if err != nil {
		return cli.Usage(err)
	}
	cfg := flags.Config(c.Target, c.Agent, env.Log)
	if len(job.routes) > 0 {
		return job.serve(ctx, env, cfg)
	}
	return job.connect(ctx, env, cfg)
}

func main() {
	cli.Main(cli.Program{Name: "fwd-dial", Description: description, Command: &command{}, Explain: flags.Explain})
}
