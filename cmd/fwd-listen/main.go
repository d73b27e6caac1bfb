// Command fwd-listen gives the connections to a pod's port to standard output,
// a command or a local address: a copy of them, or the connections themselves.
package main

import (
	"context"
	"os"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
)

const description = `Receive what reaches a pod's port: a copy of it, or with --steal the connections themselves.

  fwd-listen -t pod/x 80 | tee traffic
  fwd-listen -t deploy/web 80:8080
  fwd-listen --steal -t deploy/web 80:8080
  fwd-listen --steal -t pod/x 80 -- ./handler
  fwd-listen --steal --http-header 'x-user: ^alice$' --not-http-path '^/health' -t deploy/web 80:8080
  fwd-listen -f mirrord.json -t deploy/web 80:8080`

type command struct {
	cli.Flags
	flags.Target
	flags.Capture
	flags.Agent
	Ports   []string `arg:"" optional:"" name:"port" help:"Port of the target, and where its connections go: PORT:LOCALPORT, PORT:HOST:PORT or PORT:unix:/PATH. PORT alone: standard output, or the command that follows --."`
	Keep    bool     `short:"k" help:"With PORT alone: go on with the next connection after the first."`
	Format  string   `placeholder:"jsonl|pcap" help:"With PORT alone: write all connections at once, as JSON lines or as a capture file."`
	Handler []string `kong:"-"` // what followed --
}

func (c *command) Run(ctx context.Context, env cli.Env) error {
	p, err := c.plan()
	if err != nil {
		return wrongUse(err)
	}
	cfg := flags.Config(c.Target, c.Agent, env.Log)
	cfg.Agent.Privileges = flags.Privileges(p.routes)
	return p.run(ctx, env, cfg, c.Probes(env.Log))
}

func main() {
	c := &command{}
	os.Args, c.Handler = cutHandler(os.Args)
	cli.Main(cli.Program{Name: "fwd-listen", Description: description, Command: c, Explain: flags.Explain})
}
