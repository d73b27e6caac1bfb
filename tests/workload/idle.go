package main

import (
	"context"
	"flag"
	"net"
)

// idle accepts and never reads, so that its peer's window closes, and never
// writes or closes before the workload ends.
func idle(*flag.FlagSet) handler {
	return func(ctx context.Context, _ *net.TCPConn) error {
		<-ctx.Done()
		return nil
	}
}
