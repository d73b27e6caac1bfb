package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
)

// relaysMode is the least that bytes cost in so many processes in a row: each
// accepts TCP connections, dials the next process and copies both ways. The last
// one dials the server. A process starts the next one, and ends with it, or with
// its own standard input: so none is left behind by a parent that was killed.
func relaysMode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench relays", flag.ExitOnError)
	to := flags.String("to", "", "`address` of the server")
	count := flags.Int("count", 3, "`how many`; 3 are as many as fwd-dial, API server and agent")
	_ = flags.Parse(args) // exits on error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	next := *to
	if *count > 1 {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		child, err := startPeer(ctx, []string{self, "relays", "-to", *to, "-count", strconv.Itoa(*count - 1)}, os.Environ())
		if err != nil {
			return err
		}
		defer child.stop()
		go func() {
			<-child.donec
			cancel()
		}()
		next = child.addr
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	return serve(ctx, ln, func(conn net.Conn) error { return relay(ctx, conn.(*net.TCPConn), next) })
}

// relay joins a connection with a new one to an address, until both directions
// have ended.
func relay(ctx context.Context, src *net.TCPConn, to string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer conn.Close()
	dst := conn.(*net.TCPConn)
	var ways sync.WaitGroup
	ways.Go(func() { pass(dst, src) })
	ways.Go(func() { pass(src, dst) })
	ways.Wait()
	return nil
}

// pass copies bytes and then their end. It reads and writes them, as a process
// must that encrypts; to have the kernel join the two would be cheaper.
func pass(dst, src *net.TCPConn) {
	b := buffers.Get().(*[bufferLen]byte)
	defer buffers.Put(b)
	_, err := io.CopyBuffer(onlyWriter{dst}, onlyReader{src}, b[:])
	if err == nil {
		err = dst.CloseWrite()
	}
	if err != nil { // the other direction is of no use now
		dst.Close()
		src.Close()
	}
}
