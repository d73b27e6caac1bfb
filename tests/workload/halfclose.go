package main

import (
	"context"
	"flag"
	"net"
	"time"
)

// halfclose answers only after its peer has half-closed, and some time after
// that: who closes both ways on the first EOF never sees the answer.
func halfclose(flags *flag.FlagSet) handler {
	wait := flags.Duration("wait", 2*time.Second, "time between the peer's EOF and the report")
	return func(ctx context.Context, conn *net.TCPConn) error {
		d, err := digestAll(conn)
		if err != nil {
			return err
		}
		if err := sleep(ctx, *wait); err != nil {
			return err
		}
		return d.report(conn)
	}
}

// sleep waits for d or for the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
