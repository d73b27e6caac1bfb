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

	slowRate = 12_500_000 // bytes a second
)

// A delay stands before the API server and makes it far away: what it reads it
// passes on after a way's time, in both directions, and a new connection takes
// a round trip to be there. It keeps the order.
type delay struct {
	ln     net.Listener
	target string
	way    time.Duration
	rate   int // bytes a second, in each direction of each connection; 0: no limit
}

// newDelay listens on a free local port.
func newDelay(target string, way time.Duration, rate int) (*delay, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &delay{ln: ln, target: target, way: way, rate: rate}, nil
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
	if d.rate > 0 { // what waits before the limit is not to wait here, out of sight
		for _, conn := range []*net.TCPConn{near, far} {
			_ = conn.SetReadBuffer(narrowBuffer)
		}
	}
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

const (
	readLen      = 16 << 10  // that there is room for in each read
	narrowBuffer = 128 << 10 // of a socket before a limited rate
	narrowAhead  = 2 * time.Millisecond
)

// readMost bounds a read: at a limited rate, what is read at once arrives at
// once, too.
func readMost(room, rate int) int {
	if rate > 0 {
		return min(room, readLen)
	}
	return room
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
		free := start
		for {
			if len(b) < readLen {
				b = make([]byte, bufferLen)
			}
			n, err := src.Read(b[:readMost(len(b), d.rate)])
			left := time.Now()
			if left.Before(start) {
				left = start
			}
			if d.rate > 0 {
				if left.Before(free) {
					left = free
				}
				free = left.Add(time.Duration(n) * time.Second / time.Duration(d.rate))
				left = free
				time.Sleep(time.Until(free) - narrowAhead)
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
