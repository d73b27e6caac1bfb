package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/enter"
)

// place says in whose network the agent is, if not in its own pod's.
type place struct {
	EnterPod string `placeholder:"UID" help:"Enter the network of this pod of the node."`
	Enter    string `placeholder:"ID" help:"Container of that pod."`
	Until    int    `placeholder:"FD" help:"End with the process behind this descriptor; set by the agent itself when it has entered."`
}

// reach runs the agent anew in the network that it is for, if this is not it.
func (p place) reach() error {
	if p.EnterPod == "" {
		return nil
	}
	args := slices.DeleteFunc(slices.Clone(os.Args), func(arg string) bool { return strings.HasPrefix(arg, "--enter") })
	return enter.Exec(enter.Pod{UID: p.EnterPod, Container: p.Enter}, args)
}

// bound is ctx that ends with the pod, too. The context of an agent in its own
// pod needs no watching: the process ends with the pod.
func (p place) bound(ctx context.Context, env cli.Env) context.Context {
	if p.Until == 0 {
		return ctx
	}
	ctx, end := context.WithCancel(ctx)
	go func() { // until the pod or the process ends
		if enter.Wait(p.Until) == nil {
			env.Log.Info().Msg("the pod has ended")
			end()
		}
	}()
	return ctx
}
