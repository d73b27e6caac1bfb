//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/fwd"
)

// A thousand connections that come and go, 200 at once, leave nothing behind at
// either end.
func TestManyShortConnections(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	forward, addrs := s.forward(1, "-L", "0:echo:7000")
	s.reach(addrs[0])
	here, agent := forward.process(), s.agentProcess()
	hereBefore := here.descriptors()
	thereBefore := s.settled(agent)

	begin := time.Now()
	errs := crowd(1000, 200, func() error { return try(t.Context(), addrs[0]) })
	assert.Empty(t, errs)
	_, peak := agent.resident()
	t.Logf("took %v; resident at most in the agent: %.0f MiB", time.Since(begin), peak)
	s.eventuallyEqual("descriptors of fwd-dial", hereBefore, here.descriptors)
	s.eventuallyEqual("descriptors of the agent", thereBefore, agent.descriptors)

	// The same by the Go API, where goroutines can be counted.
	c, err := fwd.New(fwd.Config{
		Kubeconfig: kubeconfig, Namespace: s.name, Agent: fwd.Agent{StateDir: filepath.Join(s.state, "fwd")},
	})
	require.NoError(t, err)
	once := func() error { return tryDial(t.Context(), c, "echo:7000") }
	require.NoError(t, once())
	thereBefore = s.settled(agent)
	before := goroutines()
	assert.Empty(t, crowd(1000, 200, once))
	s.eventuallyEqual("goroutines", before, goroutines)
	s.eventuallyEqual("descriptors of the agent", thereBefore, agent.descriptors)
	require.NoError(t, c.Close())
	s.eventuallyEqual("goroutines after Close", 0, goroutines)
}

// tryDial is try by the Go API.
func tryDial(ctx context.Context, c *fwd.Client, address string) error {
	conn, err := c.Dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := talk(conn); err != nil {
		return err
	}
	return conn.CloseWrite()
}

// crowd calls f n times, from so many goroutines, and returns its errors.
func crowd(n, atOnce int, f func() error) []error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	for range atOnce {
		wg.Go(func() {
			for range next {
				if err := f(); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return errs
}

// goroutines counts those of this process that run code of fwd, other than
// tests.
func goroutines() int {
	b := make([]byte, 16<<20)
	b = b[:runtime.Stack(b, true)]
	n := 0
	for _, g := range strings.Split(string(b), "\n\n") {
		if strings.Contains(g, "/fwd/internal/") || strings.Contains(g, "/fwd/pkg/") {
			n++
		}
	}
	return n
}

// settled is how many descriptors a process has once that changes no more. A
// session whose place another one took lingers for a second.
func (s *space) settled(p process) int {
	s.t.Helper()
	last, since := -1, time.Now()
	s.eventually("descriptors that do not change", func(context.Context) error {
		if now := p.descriptors(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < 2*time.Second {
			return fmt.Errorf("%d now", last)
		}
		return nil
	})
	return last
}

// eventuallyEqual polls until get returns want.
func (s *space) eventuallyEqual(what string, want int, get func() int) {
	s.t.Helper()
	s.eventually(what, func(context.Context) error {
		if got := get(); got != want {
			return fmt.Errorf("%d, want %d", got, want)
		}
		return nil
	})
}
