// Command cluster brings up the kind cluster that the tests run on, and takes
// it down again, with nothing to install first:
//
//	go run ./tests/cluster up      a Ready cluster named fwd, our images in it
//	go run ./tests/cluster images  build and load our images again, nothing else
//	go run ./tests/cluster down    no cluster
//
// It leaves a kubeconfig at .kind/kubeconfig. Where kindest/node can be pulled
// it is used; elsewhere the node image is built from Go modules and Debian
// packages. As root on Debian or Ubuntu it installs and starts Docker too.
// What was built is kept by the hash of what made it, in Docker's image store
// and in the user's cache directory, so every checkout on a machine shares it.
//
// It does not deploy anything into the cluster, does not touch the user's own
// kubeconfig, and leaves the engine running when the cluster is taken down.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = "usage: go run ./tests/cluster up|images|down"

func main() {
	commands := map[string]func(context.Context, *workspace) error{
		"up":     up,
		"images": images,
		"down":   down,
	}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, commands[os.Args[1]]); err != nil {
		fmt.Fprintln(os.Stderr, "cluster: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, command func(context.Context, *workspace) error) error {
	ws, err := openWorkspace(ctx)
	if err != nil {
		return err
	}
	defer ws.close()
	return command(ctx, ws)
}
