//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/route"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// quiet is a capture that captures nothing until it is stopped.
type quiet struct {
	stop func()
	done <-chan struct{}
}

func (q quiet) Accept() (*fwd.Incoming, error) { <-q.done; return nil, net.ErrClosed }
func (q quiet) Stop(context.Context) error     { q.stop(); return nil }
func (q quiet) Close() error                   { q.stop(); return nil }

// pod is a far side whose captures are counted.
type pod struct {
	mu      sync.Mutex
	busy    uint16   // this port cannot be captured
	history []string // guarded by mu
}

func (p *pod) note(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.history = append(p.history, what)
}

func (p *pod) far() far {
	return far{
		connect: func(context.Context) error { p.note("connect"); return nil },
		dial:    func(context.Context, string) (relay.Conn, error) { return nil, errors.New("nobody is there") },
		serve: func(ctx context.Context, log zerolog.Logger, routes []deliver.Route, ready func(deliver.Place, deliver.Route), settled func()) error {
			left := len(routes)
			return deliver.Serve(ctx, log, p.listen, routes, func(r deliver.Route) {
				ready(place{}, r)
				if left--; left == 0 {
					settled()
				}
			})
		},
	}
}

// place is pod/x.
type place struct{}

func (place) Pod() string               { return "x" }
func (place) Probes(uint16) []fwd.Probe { return nil }

func (p *pod) listen(_ context.Context, cfg fwd.ListenConfig) (deliver.Listener, error) {
	if cfg.Port == p.busy {
		return nil, errors.New("someone else has it")
	}
	p.note("capture")
	ctx, cancel := context.WithCancel(context.Background())
	return quiet{stop: sync.OnceFunc(func() { p.note("release"); cancel() }), done: ctx.Done()}, nil
}

// held runs a job with a shell script for its command, or none, and returns
// what is written where.
func held(t *testing.T, p *pod, j job, script string) (stdout, stderr string, err error) {
	t.Helper()
	if script != "" {
		j.child, err = findChild([]string{"sh", "-c", script})
		require.NoError(t, err)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	var log strings.Builder
	err = j.run(t.Context(), cli.Env{Stdin: file, Stdout: file, Stderr: io.Discard, Log: zerolog.New(&log)}, p.far(), flags.Capture{}.Probes(zerolog.Nop()))
	text, readErr := os.ReadFile(file.Name())
	require.NoError(t, readErr)
	return string(text), log.String(), err
}

func remotes() []deliver.Route {
	return []deliver.Route{
		{Port: 80, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:8080")},
		{Port: 81, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:8081")},
	}
}

func TestCommandHasTheRoutesForAsLongAsItLasts(t *testing.T) {
	var p pod
	stdout, stderr, err := held(t, &p, job{
		locals:  []route.Local{{Bind: "127.0.0.1", Remote: "db:5432"}},
		remotes: remotes(),
	}, "echo said; exit 7")
	assert.Equal(t, cli.Reported(7), err)
	assert.Equal(t, "said\n", stdout, "it is the command's")
	assert.Contains(t, stderr, " -> db:5432")
	assert.Contains(t, stderr, "pod/x:80 -> 127.0.0.1:8080 (steal)")
	assert.Contains(t, stderr, "pod/x:81 -> 127.0.0.1:8081 (steal)")
	assert.Equal(t, []string{"connect", "capture", "capture", "release", "release"}, p.history)
}

func TestRouteThatFailsEndsAll(t *testing.T) {
	p := pod{busy: 81}
	stdout, _, err := held(t, &p, job{remotes: remotes()}, "echo said")
	assert.ErrorContains(t, err, "someone else has it")
	assert.Empty(t, stdout, "the command was not started")
	assert.Equal(t, strings.Count(strings.Join(p.history, " "), "capture"), strings.Count(strings.Join(p.history, " "), "release"))
}

func TestLinesOfRoutesAreTheAnswerWithoutACommand(t *testing.T) {
	p := pod{busy: 81}
	j := job{locals: []route.Local{{Bind: "127.0.0.1", Remote: "db:5432"}}, remotes: remotes()[1:]}
	stdout, stderr, err := held(t, &p, j, "")
	assert.Error(t, err)
	assert.Regexp(t, `^127\.0\.0\.1:\d+ -> db:5432\n$`, stdout)
	assert.Empty(t, stderr)
}
