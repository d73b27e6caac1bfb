// Command fwd-resolve looks names up as a pod does.
package main

import (
	"context"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/fwd"
)

const description = `Look names up as a pod does: its hosts file, search domains and name servers.

  psql -h "$(fwd-resolve db)"
  fwd-resolve -t deploy/web --type SRV _http._tcp.py-serv
  fwd-resolve --serve 127.0.0.1:5353 & dig @127.0.0.1 -p 5353 py-serv`

type command struct {
	cli.Flags
	flags.Target
	flags.Agent
	Names []string `arg:"" optional:"" name:"name" help:"Names, or addresses for their names with --type PTR. None: read from standard input, one per line."`
	V4    bool     `short:"4" name:"ipv4" xor:"type" help:"IPv4 addresses only."`
	V6    bool     `short:"6" name:"ipv6" xor:"type" help:"IPv6 addresses only."`
	Type  string   `xor:"type" placeholder:"TYPE" help:"Records of this type: A, AAAA, CNAME, SRV, TXT, MX, NS or PTR."`
	JSON  bool     `name:"json" help:"Print one JSON object per record: asked, name, type, ttl, data."`
	Serve string   `placeholder:"ADDRESS:PORT" help:"Be a DNS server on this local address, UDP and TCP, until interrupted."`
}

func (c *command) Run(ctx context.Context, env cli.Env) error {
	job, err := c.plan(env.Stdin)
	if err != nil {
		return cli.Usage(err)
	}
	client, err := fwd.New(flags.Config(c.Target, c.Agent, env.Log))
	if err != nil {
		return err
	}
	defer client.Close()
	resolver := client.Resolver()
	defer resolver.Close()
	return job.run(ctx, env, client, resolver.Exchange)
}

func main() {
	cli.Main(cli.Program{Name: "fwd-resolve", Description: description, Command: &command{}, Explain: flags.Explain})
}
