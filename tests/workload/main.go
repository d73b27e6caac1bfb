// Command workload is the other end of the tests: a server in a pod that does
// one thing with every TCP connection it gets. It stands where no ordinary
// program does it, or does it exactly: a banner before the client has spoken,
// an answer only after half-close, a reset, a slow reader, bytes that both
// ends know in advance.
//
//	workload SUBCOMMAND [-port PORT] [flags]
//
// It serves until it is told to end by SIGINT or SIGTERM, also as process 1 of
// a container. It is no load generator and has no client side.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

// A handler owns a connection until it returns; serve closes it then.
type handler func(ctx context.Context, conn *net.TCPConn) error

// commands holds each subcommand's setup, which declares its flags and returns
// the handler that reads them.
var commands = map[string]func(flags *flag.FlagSet) handler{
	"banner":    banner,
	"echo":      echo,
	"halfclose": halfclose,
	"idle":      idle,
	"reset":     reset,
	"sink":      sink,
	"source":    source,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: workload banner|echo|halfclose|idle|reset|sink|source [-port PORT] [flags]")
		os.Exit(2)
	}
	flags := flag.NewFlagSet("workload "+os.Args[1], flag.ExitOnError)
	port := flags.Int("port", 7000, "TCP `port` to listen on, of every address")
	handle := commands[os.Args[1]](flags)
	_ = flags.Parse(os.Args[2:]) // exits on error

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{Port: *port})
	if err == nil {
		err = serve(ctx, ln, handle)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload: error:", err)
		os.Exit(1)
	}
}
