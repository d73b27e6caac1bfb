package main

import (
	"context"
	"fmt"
	"time"
)

// bulkUp sends, in writes of a chunk, until the server has counted it all.
func bulkUp(ctx context.Context, j job) (numbers, error) {
	c, err := open(ctx, j.Addr, sink, j.Bytes)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	begin := time.Now()
	if err := send(c, j); err != nil {
		return nil, err
	}
	return numbers{"MB/s": rate(j.Bytes, begin)}, nil
}

// bulkDown receives.
func bulkDown(ctx context.Context, j job) (numbers, error) {
	c, err := open(ctx, j.Addr, source, j.Bytes)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	begin := time.Now()
	if err := receive(c, j); err != nil {
		return nil, err
	}
	return numbers{"MB/s": rate(j.Bytes, begin)}, nil
}

// bulkBoth sends on one connection and receives on another. Its rate is that of
// both directions together.
func bulkBoth(ctx context.Context, j job) (numbers, error) {
	up, err := open(ctx, j.Addr, sink, j.Bytes)
	if err != nil {
		return nil, err
	}
	defer up.Close()
	down, err := open(ctx, j.Addr, source, j.Bytes)
	if err != nil {
		return nil, err
	}
	defer down.Close()
	begin := time.Now()
	errc := make(chan error, 1)
	go func() { errc <- send(up, j) }()
	err = receive(down, j)
	if err != nil {
		up.Close() // the other direction is of no use now
	}
	if sendErr := <-errc; err == nil {
		err = sendErr
	}
	return numbers{"MB/s": rate(2*j.Bytes, begin)}, err
}

func send(c *conn, j job) error {
	chunk := j.Chunk
	if chunk == 0 {
		chunk = bufferLen
	}
	if err := produce(c, j.Bytes, chunk); err != nil {
		return err
	}
	return counted(c, j.Bytes)
}

// counted reads the server's count, which must be n.
func counted(c *conn, n int64) error {
	switch got, err := readCount(c); {
	case err != nil:
		return fmt.Errorf("count: %w", err)
	case got != n:
		return fmt.Errorf("the server has %d of %d bytes: %w", got, n, errLost)
	}
	return nil
}

func receive(c *conn, j job) error {
	switch got, err := discard(c, j.Bytes); {
	case err != nil:
		return err
	case got != j.Bytes:
		return fmt.Errorf("%d of %d bytes came: %w", got, j.Bytes, errLost)
	}
	return nil
}

// rate is in megabytes, of a million bytes, a second.
func rate(n int64, begin time.Time) float64 {
	return float64(n) / 1e6 / time.Since(begin).Seconds()
}
