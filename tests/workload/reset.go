package main

import (
	"context"
	"flag"
	"io"
	"net"
	"time"
)

// reset ends every connection with a RST in place of a FIN.
func reset(flags *flag.FlagSet) handler {
	size := flags.Int64("bytes", 0, "number of pattern bytes to write before the reset")
	seed := flags.Uint64("seed", 0, "which pattern to write, see source")
	wait := flags.Duration("wait", 200*time.Millisecond, "time between the last byte and the reset; "+
		"a reset takes back what the kernel has not sent")
	return func(ctx context.Context, conn *net.TCPConn) error {
		if _, err := io.CopyN(conn, pattern(*seed), *size); err != nil {
			return err
		}
		if err := sleep(ctx, *wait); err != nil {
			return err
		}
		if err := conn.SetLinger(0); err != nil {
			return err
		}
		return conn.Close()
	}
}
