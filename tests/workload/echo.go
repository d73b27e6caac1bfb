package main

import (
	"context"
	"flag"
	"io"
	"net"
)

// echo sends back what it reads, and half-closes when its peer does.
func echo(*flag.FlagSet) handler {
	return func(_ context.Context, conn *net.TCPConn) error { return echoAll(conn) }
}

func echoAll(conn *net.TCPConn) error {
	if _, err := io.Copy(conn, conn); err != nil {
		return err
	}
	return conn.CloseWrite()
}
