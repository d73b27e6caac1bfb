package main

import (
	"context"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// far is the way to the pod, with an agent or without one.
type far interface {
	connect(ctx context.Context) error
	open(ctx context.Context, address string) (relay.Conn, error)
	// flush waits until the pod has all that was written to conn.
	flush(ctx context.Context, conn relay.Conn) error
	close()
}

func (p plan) dial(cfg fwd.Config) (far, error) {
	if p.noAgent {
		direct, err := fwd.NewDirect(cfg)
		return withoutAgent{direct}, err
	}
	client, err := fwd.New(cfg)
	return withAgent{client}, err
}

type withAgent struct{ client *fwd.Client }

func (a withAgent) connect(ctx context.Context) error { return a.client.Connect(ctx) }

func (a withAgent) open(ctx context.Context, address string) (relay.Conn, error) {
	return a.client.Open(ctx, "tcp", address)
}

func (a withAgent) flush(ctx context.Context, conn relay.Conn) error {
	return conn.(*fwd.Conn).Flush(ctx)
}

func (a withAgent) close() { a.client.Close() }

type withoutAgent struct{ direct *fwd.Direct }

func (a withoutAgent) connect(ctx context.Context) error { return a.direct.Connect(ctx) }

func (a withoutAgent) open(ctx context.Context, address string) (relay.Conn, error) {
	return a.direct.Open(ctx, address)
}

// flush cannot know what has arrived.
func (a withoutAgent) flush(context.Context, relay.Conn) error { return nil }

func (a withoutAgent) close() {}
