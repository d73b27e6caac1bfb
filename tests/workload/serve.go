package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
)

// serve hands every connection to its own call of handle until ctx ends. It
// closes ln and all connections, and returns when all handlers have.
func serve(ctx context.Context, ln *net.TCPListener, handle handler) error {
	fmt.Fprintln(os.Stderr, "workload: listening on", ln.Addr())
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()

	var handlers sync.WaitGroup
	defer handlers.Wait()
	for {
		conn, err := ln.AcceptTCP()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		handlers.Go(func() { serveConn(ctx, conn, handle) })
	}
}

func serveConn(ctx context.Context, conn *net.TCPConn, handle handler) {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	if err := handle(ctx, conn); err != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "workload: %s: %v\n", conn.RemoteAddr(), err)
	}
}
