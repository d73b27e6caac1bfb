//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Four routes in one session, two each way, with traffic on all at once.
func TestRunHoldsRoutesBothWays(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", fmt.Sprint(32*mib))
	b := s.start("fwd-agent", "run", "-t", "pod/web", "-L", "0:echo:7000", "-L", "0:source:7001", "--steal",
		"-R", "80:"+s.local(), "-R", "81:"+s.local())
	b.routes(4)
	var locals []string
	for i := range 4 {
		if line := b.stdout.wait(s, i); strings.HasPrefix(line, "127.0.0.1:") {
			addr, _, _ := strings.Cut(line, " -> ")
			locals = append(locals, addr)
		}
	}
	require.Len(t, locals, 2)
	assert.Len(t, s.ephemeral("web"), 1)

	load := make(chan string, 1)
	go func() {
		out := newLines()
		if err := s.exec(t.Context(), "caller", nil, out, "peer", "load", "-url", "http://web", "-n", "2000"); err != nil {
			load <- err.Error()
		}
		load <- out.String()
	}()
	source := s.dial(locals[1])
	echo := s.dial(locals[0])
	for range 100 {
		require.NoError(t, talk(echo))
	}
	assert.Contains(t, s.inPod("caller", nil, "curl", "-sS", "http://"+s.podIP("web")+":81/x"), "laptop: GET /x")
	copied(t, nopWriter{}, source, 32*mib)
	assert.Contains(t, <-load, "answered=map[laptop:2000] failed=0")
	b.stop()
	assert.Contains(t, s.call("http://web/"), "pod:")
	s.noRules("web")
}

type nopWriter struct{}

func (nopWriter) Write(b []byte) (int, error) { return len(b), nil }

// A command has the routes for as long as it lasts, and its code is ours.
func TestRunOfACommand(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	s.backend("echo", 7000, "echo", "-port", "7000")
	port := freePort(t)
	r := s.run(strings.NewReader("through"), "fwd-agent", "run", "-t", "pod/web", "-L", port+":echo:7000", "--steal", "-R", "80:"+s.local(),
		"--", "sh", "-c", "cat | socat - TCP:127.0.0.1:"+port+"; exit 7")
	assert.Equal(t, 7, r.code, r.stderr)
	assert.Equal(t, "through", r.stdout)
	assert.Contains(t, s.call("http://web/"), "pod:")
	s.noRules("web")
}
