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
	watch := newStopwatch()
	if err := send(c, j); err != nil {
		return nil, err
	}
	return watch.numbers(j.Bytes), nil
}

// bulkDown receives.
func bulkDown(ctx context.Context, j job) (numbers, error) {
	c, err := open(ctx, j.Addr, source, j.Bytes)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	watch := newStopwatch()
	if err := receive(c, j); err != nil {
		return nil, err
	}
	return watch.numbers(j.Bytes), nil
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
	watch := newStopwatch()
	errc := make(chan error, 1)
	go func() { errc <- send(up, j) }()
	err = receive(down, j)
	if err != nil {
		up.Close() // the other direction is of no use now
	}
	if sendErr := <-errc; err == nil {
		err = sendErr
	}
	return watch.numbers(2 * j.Bytes), err
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

// A stopwatch takes the time of bulk data alone, and the machine's in it: to
// start a load generator on the node may take as much of that as the data.
type stopwatch struct {
	machine machineTimes
	begin   time.Time
}

func newStopwatch() stopwatch { return stopwatch{readMachine(), time.Now()} }

// numbers are those of n bytes since the start. A megabyte is a million of them.
func (s stopwatch) numbers(n int64) numbers {
	took := time.Since(s.begin)
	all := numbers{"MB/s": float64(n) / 1e6 / took.Seconds()}
	all.machine(s.machine, readMachine(), n)
	return all
}
