//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A port has one whole thief at a time, and any number who take only what they
// name; also when they come from different machines.
func TestPortIsSharedByFilters(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	other := *s // another developer: another state directory, so another agent
	other.state = t.TempDir()
	t.Cleanup(func() { other.command("fwd-agent", "stop", "--all", "-q").Run() })
	bob := s.localServer("peer", "serve", "-host", "127.0.0.1", "-port", "0", "-name", "bob")

	whole := s.listen(1, "--steal", "-t", "pod/web", "80:"+s.local())
	for name, second := range map[string]*space{"the same developer": s, "another developer": &other} {
		r := second.run(nil, "fwd-listen", "--steal", "-t", "pod/web", "80:"+bob)
		assert.NotZero(t, r.code, name)
		assert.Contains(t, r.stderr, "since", name)
		assert.Contains(t, r.stderr, "@", name)
	}
	whole.stop()

	alice := s.listen(1, "--steal", "--http-header", "x-user: alice", "-t", "pod/web", "80:"+s.local())
	second := other.listen(1, "--steal", "--http-header", "x-user: alice|bob", "-t", "pod/web", "80:"+bob)
	ask := func(user string) string { return s.call("-H", "x-user: "+user, "http://web/") }
	assert.Contains(t, ask("alice"), "laptop:", "the first in order of arrival")
	assert.Contains(t, ask("bob"), "bob:")
	assert.Contains(t, ask("carol"), "pod:")
	alice.stop()
	assert.Contains(t, ask("alice"), "bob:", "the first has gone")
	second.stop()
	assert.Contains(t, ask("alice"), "pod:")
	s.noRules("web")
}

// Without a local process callers are reset, or handed to the pod.
func TestStealWithoutALocalProcess(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	ask := []string{"sh", "-c", "curl -sS --max-time 10 http://web/ 2>&1; echo code=$?"}
	steal := s.listen(1, "--steal", "-t", "pod/web", "80:9")
	for range 3 {
		assert.Contains(t, s.inPod("caller", nil, ask...), "code=56") // reset
	}
	assert.Equal(t, 1, strings.Count(steal.stderr.String(), "connection refused"), "the reason is said once: %s", steal.stderr)
	steal.stop()

	for _, filter := range [][]string{nil, {"--http-path", "."}} {
		args := append(append([]string{"--steal", "--fallback", "pod"}, filter...), "-t", "pod/web", "80:9")
		steal := s.listen(1, args...)
		assert.Contains(t, s.inPod("caller", nil, ask...), "pod: GET /")
		steal.stop()
	}
	s.noRules("web")
}
