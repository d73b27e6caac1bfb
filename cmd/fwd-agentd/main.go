// Command fwd-agentd is the agent: the process inside the pod. The laptop
// commands launch it; nobody runs it by hand.
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fwdtools/fwd/internal/agent"
	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/version"
)

type command struct {
	cli.Flags
	Port int           `required:"" help:"Port to listen on, on the pod's loopback addresses."`
	Key  string        `required:"" help:"Ed25519 public key of the client to obey, base64 without padding."`
	Idle time.Duration `default:"5m" help:"End after this long without a client."`
	place
}

// terminationLog is the file that Kubernetes shows as the container's reason.
const terminationLog = "/dev/termination-log"

func (c *command) Run(ctx context.Context, env cli.Env) error {
	err := c.serve(ctx, env)
	if err != nil {
		// The client reads it there: it needs no right to read logs. Only
		// Kubernetes makes the file.
		if f, openErr := os.OpenFile(terminationLog, os.O_WRONLY|os.O_TRUNC, 0); openErr == nil {
			fmt.Fprint(f, err)
			f.Close()
		}
	}
	return err
}

func (c *command) serve(ctx context.Context, env cli.Env) error {
	key, err := base64.RawStdEncoding.DecodeString(c.Key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return cli.Usage(errors.New("--key is not an Ed25519 public key"))
	}
	if err := c.reach(); err != nil {
		return err
	}
	lns, err := agent.Listen(c.Port)
	if err != nil {
		return err
	}
	return agent.Run(c.bound(ctx, env), agent.Config{Key: key, Idle: c.Idle, Build: version.String(), Log: env.Log}, lns)
}

func main() {
	cli.Main(cli.Program{Name: "fwd-agentd", Description: "The fwd agent, inside a pod. Launched by fwd-dial and others.", Command: &command{}})
}
