package main

import (
	"context"
	"fmt"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/internal/forward"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// far is the way to the pod: a client, or a test's own.
type far struct {
	connect func(context.Context) error // nil when dial is not needed
	dial    forward.DialFunc
	serve   deliver.ServeFunc
}

func through(client *fwd.Client) far {
	return far{
		connect: client.Connect,
		dial: func(ctx context.Context, address string) (relay.Conn, error) {
			return client.Open(ctx, "tcp", address)
		},
		serve: deliver.InOne(client),
	}
}

// run holds the routes until ctx ends, one of them fails or the command has
// ended.
func (j job) run(ctx context.Context, env cli.Env, far far, probes *flags.Probes) error {
	locals, err := forward.Bind(ctx, j.locals)
	if err != nil {
		return err
	}
	defer forward.Close(locals)
	if far.connect != nil {
		if err := far.connect(ctx); err != nil {
			return err
		}
	}
	say := j.sayer(env)
	for _, r := range locals {
		say(r.String())
	}
	var all []func(context.Context) error
	if len(locals) > 0 {
		all = append(all, func(ctx context.Context) error { return forward.Serve(ctx, env.Log, locals, far.dial) })
	}
	readyc := make(chan struct{}) // closed when all are in place
	if len(j.remotes) > 0 {
		all = append(all, func(ctx context.Context) error {
			return far.serve(ctx, env.Log, j.remotes, func(at deliver.Place, r deliver.Route) {
				say(describe(at.Pod(), r))
				probes.Say(at, r)
			}, func() { close(readyc) })
		})
	} else {
		close(readyc)
	}
	if j.child != nil {
		all = append(all, func(ctx context.Context) error {
			select {
			case <-readyc:
				return j.child.run(ctx, env)
			case <-ctx.Done():
				return nil
			}
		})
	}
	return together(ctx, all...)
}

// sayer says of a route that it is ready: on standard output, unless that is
// the command's.
func (j job) sayer(env cli.Env) func(string) {
	if j.child != nil {
		return func(line string) { env.Log.Info().Msg(line) }
	}
	return func(line string) { fmt.Fprintln(env.Stdout, line) }
}
