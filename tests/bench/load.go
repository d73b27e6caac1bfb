package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// A job is one piece of work for a load generator, here or on the node.
type job struct {
	Load     string        // a key of loads
	Addr     string        // of the server, or of what forwards to it
	Bytes    int64         // how much bulk data
	Count    int           // how many trips, connections or requests
	Conns    int           // how many at once
	Chunk    int           // bytes of a write; 0 is many
	Up       bool          // bulk data goes to the server
	Deadline time.Duration // when it counts as wedged
}

// numbers are what a job brings, by name.
type numbers map[string]float64

// loads are the kinds of jobs. They use no other connections than those made by
// open, which end with ctx.
var loads = map[string]func(ctx context.Context, j job) (numbers, error){
	"up":       bulkUp,
	"down":     bulkDown,
	"both":     bulkBoth,
	"trips":    trips,
	"connect":  connects,
	"requests": requests,
	"beside":   beside,
	"stalled":  stalled,
	"late":     lateAnswer,
}

// A failure is how a path fails.
type failure string

const (
	wedged failure = "wedged"    // the deadline came first
	lost   failure = "lost data" // it ended early, or the server counted less
	broken failure = "failed"    // any other error
)

// errLost says that data is missing.
var errLost = errors.New("data is missing")

// An outcome is what came of one job.
type outcome struct {
	Numbers numbers `json:",omitempty"`
	Failure failure `json:",omitempty"`
	Err     string  `json:",omitempty"` // why, for people
}

// do does j, to its deadline at most.
func (j job) do(ctx context.Context) outcome {
	ctx, cancel := context.WithTimeout(ctx, j.Deadline)
	defer cancel()
	n, err := loads[j.Load](ctx, j)
	return outcomeOf(ctx, n, err)
}

// outcomeOf tells failures apart. ctx is that of the job.
func outcomeOf(ctx context.Context, n numbers, err error) outcome {
	switch {
	case err == nil:
		return outcome{Numbers: n}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return outcome{Failure: wedged, Err: err.Error()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errLost):
		return outcome{Failure: lost, Err: err.Error()}
	}
	return outcome{Failure: broken, Err: err.Error()}
}

// loadMode does the job that is its argument, and prints the outcome.
func loadMode(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: bench load JOB")
	}
	var j job
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	if loads[j.Load] == nil {
		return fmt.Errorf("no load %q", j.Load)
	}
	return json.NewEncoder(os.Stdout).Encode(j.do(ctx))
}

// A conn is a connection to a service, which fails when its context ends.
type conn struct {
	*net.TCPConn
	forget func() bool
}

// open connects to a service and waits until that is ready.
func open(ctx context.Context, addr string, s service, n int64) (*conn, error) {
	c, err := dial(ctx, addr, appendHead(nil, s, n))
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		c.Close()
		return nil, fmt.Errorf("first byte: %w", err)
	}
	return c, nil
}

// dial connects and says first, a head with or without more.
func dial(ctx context.Context, addr string, first []byte) (*conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{TCPConn: raw.(*net.TCPConn)}
	c.forget = context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	if _, err := c.Write(first); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the connection in both directions.
func (c *conn) Close() error {
	c.forget()
	return c.TCPConn.Close()
}
