// Command peer is both ends of application protocols for the tests: HTTP/1.1,
// HTTP/2 with prior knowledge, WebSocket and gRPC. A server says its name in
// every answer, so that a test sees who has answered; clients print what they
// hear, and count.
//
//	peer serve -port 80 -name pod          HTTP/1.1, h2c, WebSocket at /ws
//	peer grpc-serve -port 50051 -name pod  gRPC
//	peer ws -url ws://web/ws               a WebSocket client
//	peer grpc -addr web:50051              a gRPC client: one call, one stream
//	peer ask -url http://web 'GET /a'      a few requests on one connection
//	peer load -url http://web/ -n 10000    many requests, and their times
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// commands holds each subcommand's setup, which declares its flags and returns
// what reads them and runs until it is done or ctx ends.
var commands = map[string]func(flags *flag.FlagSet) func(ctx context.Context) error{
	"serve":      serve,
	"grpc-serve": grpcServe,
	"ws":         webSocket,
	"grpc":       grpcCall,
	"ask":        ask,
	"load":       load,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peer serve|grpc-serve|ws|grpc|ask|load [flags]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet("peer "+os.Args[1], flag.ExitOnError)
	run := commands[os.Args[1]](flags)
	_ = flags.Parse(os.Args[2:]) // exits on error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "peer: error:", err)
		os.Exit(1)
	}
}
