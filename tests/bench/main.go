// Command bench measures fwd beside kubectl port-forward, on the kind cluster:
// the same work through different paths to one pod, in rounds that take the
// paths in turn, so that what drifts does so for all of them.
//
//	go run ./tests/bench [-quick] [-only REGEXP] [-paths NAME,...] [-rounds N] [-out docs]
//
// The same program is the server in the pod, the load generator on the node, and
// the plain forwarder and the relays that the others are compared with: see modes.
//
// It judges no correctness: what it sees of lost data is counted as a failure
// of that path, and what does not end by its deadline as another.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// modes are what the program is when its first argument says so.
var modes = map[string]func(ctx context.Context, args []string) error{
	"serve":   serveMode,
	"load":    loadMode,
	"forward": forwardMode,
	"relays":  relaysMode,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	run, args := benchMode, os.Args[1:]
	if len(args) > 0 && modes[args[0]] != nil {
		run, args = modes[args[0]], args[1:]
	}
	err := run(ctx, args)
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}
