package main

import (
	"context"
	"io"
	"sync"
	"time"
)

// warmTrips come before those that count.
const warmTrips = 20

// trips sends a byte and waits for it, again and again.
func trips(ctx context.Context, j job) (numbers, error) {
	c, err := open(ctx, j.Addr, echo, 0)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	times, err := roundTrips(c, j.Count, j.Deadline)
	if err != nil {
		return nil, err
	}
	return numbers{"p50": micros(times, 0.5), "p99": micros(times, 0.99)}, nil
}

// roundTrips makes n, or as many as begin within limit, and returns how long each
// took.
func roundTrips(c *conn, n int, limit time.Duration) ([]time.Duration, error) {
	b := []byte{1}
	times := make([]time.Duration, 0, n)
	end := time.Now().Add(limit)
	for i := range n + warmTrips {
		begin := time.Now()
		if len(times) > 0 && begin.After(end) {
			break
		}
		if _, err := c.Write(b); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return nil, err
		}
		if i >= warmTrips {
			times = append(times, time.Since(begin))
		}
	}
	return times, nil
}

// settle is how long bulk data flows, or does not, before what is beside it
// counts.
const settle = 500 * time.Millisecond

// beside makes round trips alone, and then beside a stream of bulk data.
func beside(ctx context.Context, j job) (numbers, error) {
	c, err := open(ctx, j.Addr, echo, 0)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	limit := j.Deadline / 10 // beside bulk data, a round trip may take a second
	alone, err := roundTrips(c, j.Count, limit)
	if err != nil {
		return nil, err
	}
	s := source
	if j.Up {
		s = sink
	}
	bulk, err := open(ctx, j.Addr, s, endless)
	if err != nil {
		return nil, err
	}
	var flow sync.WaitGroup
	defer flow.Wait()
	defer bulk.Close()
	flow.Go(func() {
		if j.Up {
			_ = produce(bulk, endless, bufferLen) // ends when bulk is closed
		} else {
			_, _ = discard(bulk, endless)
		}
	})
	if err := wait(ctx, settle); err != nil {
		return nil, err
	}
	loaded, err := roundTrips(c, j.Count, limit)
	if err != nil {
		return nil, err
	}
	a, l := micros(alone, 0.99), micros(loaded, 0.99)
	return numbers{"alone p99": a, "beside p50": micros(loaded, 0.5), "beside p99": l, "p99 ratio": l / a}, nil
}

// wait waits for d or for the end of ctx, whose error it returns.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
