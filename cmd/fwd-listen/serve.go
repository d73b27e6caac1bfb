package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// run captures until ctx ends, or standard output, or the one connection that
// goes there.
func (p plan) run(ctx context.Context, env cli.Env, cfg fwd.Config, probes *flags.Probes) error {
	// A reader that has seen enough is no failure: see ended.
	signal.Ignore(syscall.SIGPIPE)
	for _, line := range p.modes() {
		env.Log.Info().Msg(line)
	}
	for _, warning := range p.warnings {
		env.Log.Warn().Msg(warning)
	}
	serve := deliver.InAll(cfg)
	if !p.allPods {
		client, err := fwd.New(cfg)
		if err != nil {
			return err
		}
		defer client.Close()
		serve = deliver.InOne(client)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	if p.routes[0].To == nil {
		p.toStdout(&p.routes[0], env, newOutput(ctx, env.Stdout, end))
	}
	err := serve(ctx, env.Log, p.routes, func(at deliver.Place, r deliver.Route) {
		if record, ok := r.To.(*record); ok {
			record.start() // the end of standard output ends all
		}
		switch r.To.(type) {
		case deliver.TCP, deliver.Unix:
			fmt.Fprintf(env.Stdout, "pod/%s:%v\n", at.Pod(), r)
		default:
			env.Log.Info().Msgf("ready: pod/%s:%v", at.Pod(), r)
		}
		probes.Say(at, r)
	}, func() {})
	if cause := context.Cause(ctx); errors.As(cause, new(*outputError)) {
		err = cause
	}
	return p.ended(err)
}

// toStdout gives r standard output.
func (p plan) toStdout(r *deliver.Route, env cli.Env, out *output) {
	switch {
	case p.format != "":
		r.To = newRecord(p.format, out)
	case p.keep:
		r.To = newConsole(r.Mode, env.Stdin, out)
	default:
		r.To = only{r.Mode, env.Stdin, out}
		r.Once = true
		// Another one that is captured before the capture ends is the pod's.
		r.Settings.Fallback = r.Mode == wire.Steal
	}
	if r.Mode == wire.Mirror || p.format != "" { // else there are answers to be read from standard input
		out.watch()
	}
}

// ended is what the end of it all means to the exit code.
func (p plan) ended(err error) error {
	var (
		out  *outputError
		side *relay.Error
	)
	switch {
	case errors.As(err, &out) && errors.Is(err, syscall.EPIPE):
		return nil
	case errors.As(err, &out):
		return out
	case errors.As(err, &side):
		return fmt.Errorf("port %d: %w", p.routes[0].Port, err)
	}
	return err
}
