package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// connects takes the time from dialing to the first byte, one connection after
// the other.
func connects(ctx context.Context, j job) (numbers, error) {
	times := make([]time.Duration, 0, j.Count)
	for i := range j.Count + 1 { // the first one does not count
		begin := time.Now()
		c, err := open(ctx, j.Addr, echo, 0)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			times = append(times, time.Since(begin))
		}
		c.Close()
	}
	p50, p99 := micros(times, 0.5)/1000, micros(times, 0.99)/1000
	return numbers{"p50": p50, "p99": p99, "round trips": p50 / milliseconds(farTrip)}, nil
}

// requestLen is how long a request is. Its answer has answerLen.
const requestLen = 64

// requests makes one request on each of a number of connections.
func requests(ctx context.Context, j job) (numbers, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	var workers sync.WaitGroup
	begin := time.Now()
	for range j.Conns {
		workers.Go(func() {
			for int(taken.Add(1)) <= j.Count && ctx.Err() == nil {
				if err := request(ctx, j.Addr); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return numbers{"req/s": float64(j.Count) / time.Since(begin).Seconds()}, nil
}

func request(ctx context.Context, addr string) error {
	c, err := dial(ctx, addr, append(appendHead(nil, one, requestLen), make([]byte, requestLen)...))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, answerLen)); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
