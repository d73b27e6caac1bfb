package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	someStarts = 5
	manyStarts = 20
)

// help takes the time of what does nothing else than start.
func help(ctx context.Context, b *bench, _ path) (numbers, error) {
	var times []float64
	for range manyStarts {
		begin := time.Now()
		if err := finish(exec.CommandContext(ctx, b.fwd("fwd-dial"), "--help")); err != nil {
			return nil, err
		}
		times = append(times, milliseconds(time.Since(begin)))
	}
	return numbers{"ms": median(times)}, nil
}

// coldStart stops the agent first.
func coldStart(ctx context.Context, b *bench, p path) (numbers, error) {
	b.stopAgents(ctx, b.kubeconfig)
	took, _, err := b.firstByte(ctx, p)
	return numbers{"ms": milliseconds(took)}, err
}

// warmStart is the median of a few starts.
func warmStart(ctx context.Context, b *bench, p path) (numbers, error) {
	var times, own []float64
	for i := range someStarts + 1 {
		took, cpu, err := b.firstByte(ctx, p)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first may have launched the agent
			times, own = append(times, milliseconds(took)), append(own, milliseconds(cpu))
		}
	}
	return numbers{"ms": median(times), "own": median(own)}, nil
}

// firstByte is the time from the start of a fwd-dial HOST:PORT to what it hears
// first, and the CPU time that it has used at its end.
func (b *bench) firstByte(ctx context.Context, p path) (took, cpu time.Duration, err error) {
	args := []string{"-q", podName + ":7000"}
	if command := p.command(b.cluster); slices.Contains(command, "--via") {
		args = append(args, command[slices.Index(command, "--via"):]...)
	}
	cmd := exec.CommandContext(ctx, b.fwd("fwd-dial"), args...)
	stderr := new(tail)
	cmd.Env, cmd.Stderr = b.env(b.kubeconfig), stderr
	cmd.Stdin = strings.NewReader(string(appendHead(nil, echo, 0)))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	_, err = io.ReadFull(stdout, make([]byte, 1))
	took = time.Since(begin)
	if ended := cmd.Wait(); ended != nil {
		return 0, 0, fmt.Errorf("fwd-dial: %w: %s", ended, stderr)
	}
	if err != nil {
		return 0, 0, err
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// portStart is the median of a few starts of what forwards a port, each to the
// first byte through that.
func portStart(ctx context.Context, b *bench, p path) (numbers, error) {
	var times []float64
	for i := range someStarts + 1 {
		begin := time.Now()
		peer, err := b.start(ctx, p, b.kubeconfig)
		if err != nil {
			return nil, err
		}
		c, err := open(ctx, peer.addr, echo, 0)
		took := time.Since(begin)
		if err == nil {
			c.Close()
		}
		peer.stop()
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first may have launched the agent
			times = append(times, milliseconds(took))
		}
	}
	return numbers{"ms": median(times)}, nil
}
