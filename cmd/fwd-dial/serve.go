package main

import (
	"context"
	"fmt"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/forward"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// serve listens on the local ports until ctx ends.
func (p plan) serve(ctx context.Context, env cli.Env, cfg fwd.Config) error {
	far, err := p.dial(cfg)
	if err != nil {
		return err
	}
	defer far.close()
	routes, err := forward.Bind(ctx, p.routes)
	if err != nil {
		return err
	}
	defer forward.Close(routes)
	if err := far.connect(ctx); err != nil {
		return err
	}
	for _, r := range routes {
		fmt.Fprintln(env.Stdout, r)
	}
	return forward.Serve(ctx, env.Log, routes, func(ctx context.Context, address string) (relay.Conn, error) {
		return far.open(ctx, address)
	})
}
