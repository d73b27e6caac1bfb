package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"
)

// lateness is how long whole waits before it answers.
const lateness = 100 * time.Millisecond

// serveMode is the server in the pod. It ends with ctx.
func serveMode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench serve", flag.ExitOnError)
	port := flags.Int("port", serverPort, "TCP `port` to listen on")
	_ = flags.Parse(args) // exits on error
	ln, err := net.Listen("tcp", fmt.Sprintf(":%d", *port))
	if err != nil {
		return err
	}
	return serve(ctx, ln, answer)
}

// serve has each connection handled until ctx ends, and closes ln.
func serve(ctx context.Context, ln net.Listener, handle func(net.Conn) error) error {
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if err := handle(conn); err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s: %v\n", conn.RemoteAddr(), err)
			}
		}()
	}
}

// answer does for one connection what its head says. An HTTP request that asks
// for an upgrade may come before the head.
func answer(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 1<<10)
	first, err := r.Peek(1)
	if err == io.EOF {
		return nil // a probe
	}
	if err != nil {
		return err
	}
	if first[0] == 'G' {
		if err := upgrade(conn, r); err != nil {
			return err
		}
	}
	service, n, err := readHead(r)
	if err != nil {
		return err
	}
	if service != one {
		if _, err := conn.Write([]byte{ready}); err != nil {
			return err
		}
	}
	switch service {
	case echo:
		_, err = io.CopyBuffer(onlyWriter{conn}, onlyReader{r}, make([]byte, 4<<10))
	case sink:
		got, err := discard(r, n)
		if err != nil {
			return err
		}
		return writeCount(conn, got)
	case source:
		err = produce(conn, n, bufferLen)
	case one:
		if _, err := discard(r, n); err != nil {
			return err
		}
		_, err = conn.Write(make([]byte, answerLen))
	case whole:
		got, err := discard(r, math.MaxInt64)
		if err != nil {
			return err
		}
		time.Sleep(lateness)
		return writeCount(conn, got)
	default:
		return fmt.Errorf("no service %q", service)
	}
	return err
}

// upgradeTo is the protocol that the server upgrades to: whatever comes then.
const upgradeTo = "fwd-bench"

func upgrade(w io.Writer, r *bufio.Reader) error {
	req, err := http.ReadRequest(r)
	if err != nil {
		return err
	}
	if req.Header.Get("Upgrade") != upgradeTo {
		_, err := io.WriteString(w, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return err
	}
	_, err = io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+upgradeTo+"\r\n\r\n")
	return err
}

// onlyWriter and onlyReader hide what else a connection can do, so that a copy
// keeps to the buffer it is given.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)
