package main

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// served runs the server, until the test ends, and returns its address.
func served(t *testing.T) string {
	t.Helper()
	return handled(t, answer)
}

// handled is served with something else that is done with each connection.
func handled(t *testing.T, handle func(net.Conn) error) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	errc := make(chan error, 1)
	go func() { errc <- serve(ctx, ln, handle) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-errc)
	})
	return ln.Addr().String()
}

// delayed puts a delay before an address, until the test ends.
func delayed(t *testing.T, addr string, way time.Duration, rate int) string {
	t.Helper()
	d, err := newDelay(addr, way, rate)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return d.addr()
}

func TestDelayHoldsBackBothWaysAndConnections(t *testing.T) {
	const way = 30 * time.Millisecond
	addr := delayed(t, served(t), way, 0)
	begin := time.Now()
	c, err := open(t.Context(), addr, echo, 0)
	require.NoError(t, err)
	defer c.Close()
	assert.GreaterOrEqual(t, time.Since(begin), 4*way, "a round trip to connect, and one to be answered")

	times, err := roundTrips(c, 3, time.Minute)
	require.NoError(t, err)
	for _, took := range times {
		assert.GreaterOrEqual(t, took, 2*way)
		assert.Less(t, took, 20*way)
	}
}

func TestDelayPassesOnMuchAtOnceAndTheEnd(t *testing.T) {
	addr := delayed(t, served(t), 20*time.Millisecond, 0)
	begin := time.Now()
	for _, load := range []string{"up", "down", "both", "late"} {
		out := job{Load: load, Addr: addr, Bytes: 8 * mib, Deadline: 20 * time.Second}.do(t.Context())
		assert.Empty(t, out.Failure, "%s: %s", load, out.Err)
	}
	assert.Less(t, time.Since(begin), 10*time.Second, "a chunk does not wait for the one before it")
}

func TestDelayLimitsTheRate(t *testing.T) {
	const size, rate = mib, 4 * mib
	addr := delayed(t, served(t), time.Millisecond, rate)
	for _, load := range []string{"up", "down"} {
		begin := time.Now()
		out := job{Load: load, Addr: addr, Bytes: size, Deadline: 20 * time.Second}.do(t.Context())
		assert.Empty(t, out.Failure, "%s: %s", load, out.Err)
		assert.GreaterOrEqual(t, time.Since(begin), time.Second*size/rate, load)
	}
}

func TestDelayEndsWithItsServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := delayed(t, ln.Addr().String(), time.Millisecond, 0)
	ln.Close()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
}
