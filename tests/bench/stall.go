package main

import (
	"context"
	"time"
)

// stalled receives alone, and then beside a stream that nobody reads.
func stalled(ctx context.Context, j job) (numbers, error) {
	without, err := bulkDown(ctx, j)
	if err != nil {
		return nil, err
	}
	c, err := open(ctx, j.Addr, source, endless)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := wait(ctx, 2*settle); err != nil {
		return nil, err
	}
	with, err := bulkDown(ctx, j)
	if err != nil {
		return nil, err
	}
	return numbers{
		"without MB/s": without["MB/s"], "with MB/s": with["MB/s"], "kept": with["MB/s"] / without["MB/s"],
	}, nil
}

// lateAnswer half-closes and waits for the answer, which comes a while after
// that.
func lateAnswer(ctx context.Context, j job) (numbers, error) {
	c, err := open(ctx, j.Addr, whole, 0)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	begin := time.Now()
	if err := produce(c, j.Bytes, bufferLen); err != nil {
		return nil, err
	}
	if err := c.CloseWrite(); err != nil {
		return nil, err
	}
	if err := counted(c, j.Bytes); err != nil {
		return nil, err
	}
	return numbers{"ms": milliseconds(time.Since(begin))}, nil
}
