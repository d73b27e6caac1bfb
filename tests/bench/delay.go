package main

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	farTrip = 40 * time.Millisecond // there and back
	farWay  = farTrip / 2
)

// A delay stands before the API server and makes it far away: what it reads it
// passes on after a way's time, in both directions, and a new connection takes
// a round trip to be there. It limits no rate and keeps the order.
type delay struct {
	ln     net.Listener
	target string
	way    time.Duration
}

// newDelay listens on a free local port.
func newDelay(target string, way time.Duration) (*delay, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &delay{ln: ln, target: target, way: way}, nil
}

func (d *delay) addr() string { return d.ln.Addr().String() }

// run serves until ctx ends, and returns when all connections have ended.
func (d *delay) run(ctx context.Context) {
	defer context.AfterFunc(ctx, func() { d.ln.Close() })()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		conn, err := d.ln.Accept()
		if err != nil {
			return
		}
		conns.Go(func() { d.serve(ctx, conn.(*net.TCPConn)) })
	}
}

func (d *delay) serve(ctx context.Context, near *net.TCPConn) {
	defer near.Close()
	there := time.Now().Add(2 * d.way) // when a client would know that it is connected
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", d.target)
	if err != nil {
		return
	}
	far := raw.(*net.TCPConn)
	defer far.Close()
	defer context.AfterFunc(ctx, func() { near.Close(); far.Close() })()
	var ways sync.WaitGroup
	ways.Go(func() { d.carry(far, near, there) })
	ways.Go(func() { d.carry(near, far, there) })
	ways.Wait()
}

// chunk is what was read at once, and when it arrives.
type chunk struct {
	bytes []byte
	due   time.Time
}

// inFlight is how many chunks are under way at most, in one direction: a write
// of any size every 5 µs, which nothing here comes near.
const inFlight = 4096

// carry copies from src to dst, late, and passes on the end of data. Nothing
// leaves before start.
func (d *delay) carry(dst, src *net.TCPConn, start time.Time) {
	flight := make(chan chunk, inFlight)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(flight)
		var b []byte // free for the next chunks
		for {
			if len(b) < 16<<10 {
				b = make([]byte, bufferLen)
			}
			n, err := src.Read(b)
			left := time.Now()
			if left.Before(start) {
				left = start
			}
			flight <- chunk{b[:n:n], left.Add(d.way)}
			b = b[n:]
			if err != nil {
				return
			}
		}
	})
	for c := range flight {
		time.Sleep(time.Until(c.due))
		if _, err := dst.Write(c.bytes); err != nil {
			src.Close() // and read the rest of flight
		}
	}
	reader.Wait()
	_ = dst.CloseWrite()
}
