package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/stdio"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// connect joins standard input and output with the address. It returns when
// both directions have ended and the pod has all that was written.
func (p plan) connect(ctx context.Context, env cli.Env, cfg fwd.Config) error {
	// A reader that has seen enough is no failure: see ended.
	signal.Ignore(syscall.SIGPIPE)
	far, err := p.dial(cfg)
	if err != nil {
		return err
	}
	defer far.close()
	conn, err := far.open(ctx, p.address)
	if err != nil {
		return err // it says nothing of the address, only of the way to the pod
	}
	local := stdio.New(env.Stdin, env.Stdout)
	errc := make(chan error, 1)
	go func() { errc <- relay.Join(local, conn) }()
	select {
	case err = <-errc:
	case <-ctx.Done(): // the join may be stuck in a write to standard output
		return nil
	}
	if err == nil {
		err = far.flush(ctx, conn)
	}
	return ended(p.address, err)
}

// ended is what the end of a connection means to the exit code.
func ended(address string, err error) error {
	var side *relay.Error
	if errors.As(err, &side) {
		if _, local := side.Conn.(*stdio.Conn); local {
			if errors.Is(err, syscall.EPIPE) {
				return nil
			}
			return fmt.Errorf("%s: %w", map[string]string{"read": "read standard input", "write": "write standard output"}[side.Op], err)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}
