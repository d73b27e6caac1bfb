package main

import (
	"context"
	"flag"
	"io"
	"net"
	"time"
)

// sink reads everything, slowly if told to, and reports on EOF.
func sink(flags *flag.FlagSet) handler {
	rate := flags.Int64("rate", 0, "`bytes` per second to read at most; 0 is no limit")
	return func(ctx context.Context, conn *net.TCPConn) error {
		d := newDigest()
		if err := copyAt(ctx, d, conn, *rate); err != nil {
			return err
		}
		return d.report(conn)
	}
}

// copyAt copies to the end of src, and not faster than rate bytes a second
// unless that is 0.
func copyAt(ctx context.Context, dst io.Writer, src io.Reader, rate int64) error {
	if rate <= 0 {
		_, err := io.Copy(dst, src)
		return err
	}
	buf := make([]byte, min(max(rate/20, 1), 32<<10)) // a twentieth of a second
	start, total := time.Now(), int64(0)
	for {
		n, err := src.Read(buf)
		if _, err := dst.Write(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		total += int64(n)
		due := start.Add(time.Duration(float64(total) / float64(rate) * float64(time.Second)))
		if err := sleep(ctx, time.Until(due)); err != nil {
			return err
		}
	}
}
