package main

import (
	"context"
	"flag"
	"io"
	"net"
)

// banner speaks first, as SMTP and SSH servers do, and then echoes.
func banner(flags *flag.FlagSet) handler {
	text := flags.String("text", "220 workload ready\r\n", "`text` to write at once")
	return func(_ context.Context, conn *net.TCPConn) error {
		if _, err := io.WriteString(conn, *text); err != nil {
			return err
		}
		return echoAll(conn)
	}
}
