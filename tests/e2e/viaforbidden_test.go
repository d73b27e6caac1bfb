//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who lacks the verb has the other link and hears of it only when they ask.
func TestViaProxyNotPermitted(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
	rest, all := without(s.documentedRole("fwd-target"), proxyVerb)
	require.Contains(t, all, proxyVerb)
	front := newFront(s, passOn(t), true)
	kubeconfig := front.kubeconfig(s.account(rest))
	s.stopsAgents(kubeconfig)
	flags := []string{"--kubeconfig", kubeconfig, "-t", "pod/echo"}

	quiet, addrs := s.forward(1, append(flags, "-L", "0:localhost:7000")...)
	s.reach(addrs[0])
	s.eventually("word of it in the record", func(contextT) error {
		if s.record().Second.Failed == "" {
			return fmt.Errorf("nothing")
		}
		return nil
	})
	asked := front.proxied()
	assert.Equal(t, 1, asked, "requests for pods/proxy")
	assert.Regexp(t, `\Afwd-dial: launching an agent [^\n]*\n\z`, quiet.stderr.String())

	t.Run("the next command does not try", func(t *testing.T) {
		s := s.with(t)
		b, addrs := s.forward(1, append(flags, "-v", "-L", "0:localhost:7000")...)
		s.reach(addrs[0])
		assert.Contains(t, b.stderr.String(), "via portforward")
		b.stop()
		assert.NotContains(t, b.stderr.String(), "via proxy")
		assert.Equal(t, asked, front.proxied(), "requests for pods/proxy")
	})
	t.Run("-v says why", func(t *testing.T) {
		s := s.with(t)
		s.state = t.TempDir() // knows nothing
		s.stopsAgents(kubeconfig)
		b, addrs := s.forward(1, append(flags, "-v", "-L", "0:localhost:7000")...)
		s.reach(addrs[0])
		s.eventually("the reason", func(contextT) error { return b.complains("staying with portforward") })
		assert.Contains(t, b.stderr.String(), "not permitted to get pods/proxy")
		s.reach(addrs[0])
	})
	t.Run("forced", func(t *testing.T) {
		s := s.with(t)
		r := s.run(strings.NewReader("hello\n"), "fwd-dial", append(flags, "--via", "proxy", "localhost:7000")...)
		assert.Equal(t, 3, r.code)
		assert.Empty(t, r.stdout)
		assert.Contains(t, r.stderr, "not permitted to get pods/proxy")
		assert.Contains(t, r.stderr, "--via auto")
		assert.Contains(t, r.stderr, `hint: a Role must allow get on pods/proxy (apiGroup "")`)
	})
	require.NoError(t, try(t.Context(), addrs[0]), "a command that was there all the while")
}

// proxyVerb is what the faster link needs.
var proxyVerb = permission{"get", "", "pods/proxy"}

// Where no packet of the API server reaches a pod's ports, nobody waits for
// that but who asked for it.
func TestViaProxyWithoutAWay(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
	s.wall("echo")
	forced := func() {
		begin := time.Now()
		r := s.run(strings.NewReader("hello\n"), "fwd-dial", "--via", "proxy", "-t", "pod/echo", "localhost:7000")
		took := time.Since(begin)
		assert.Equal(t, 1, r.code, "exit code")
		assert.Empty(t, r.stdout)
		assert.Contains(t, r.stderr, "no answer within")
		assert.Contains(t, r.stderr, "--via auto")
		assert.Less(t, took, 15*time.Second+slack, "time until it gave up")
		t.Logf("--via proxy gave up after %v: %s", took, r.stderr)
	}
	forced() // with an agent that it has to launch
	b, addrs := s.forward(1, "-v", "-t", "pod/echo", "-L", "0:localhost:7000")
	require.NoError(t, try(t.Context(), addrs[0]))
	const reason = "staying with portforward"
	assert.NotContains(t, b.stderr.String(), reason, "it takes long to find that out, the first connection does not")
	assert.Contains(t, b.stderr.String(), "via portforward")
	s.eventually("the reason", func(contextT) error { return b.complains(reason) })
	assert.Contains(t, b.stderr.String(), "no answer within")
	s.reach(addrs[0])

	forced()
	assert.NotEmpty(t, s.record().Second.Failed)
	r := s.run(strings.NewReader("hello\n"), "fwd-dial", "-t", "pod/echo", "localhost:7000")
	assert.Equal(t, "hello\n", s.ok(r))
	assert.Empty(t, r.stderr)
	assert.Len(t, s.ephemeral("echo"), 1, "agents that were launched")
}

// A link via proxy that is cut is given up as any other, and the next
// connection finds the way that there still is.
func TestViaProxyCut(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
	b, addrs := s.forward(1, "-v", "-t", "pod/echo", "-L", "0:localhost:7000")
	s.eventually("the faster link", func(contextT) error { return b.complains("via proxy") })
	conn := s.dial(addrs[0])
	require.NoError(t, talk(conn))
	steal := s.listen(1, "-v", "-t", "pod/web", "--steal", "80:"+s.local())
	s.eventually("its faster link", func(contextT) error { return steal.complains("via proxy") })
	assert.Contains(t, s.call("http://web/"), "laptop:")

	begin := time.Now()
	s.wall("echo")
	s.wall("web")
	s.assertReset(conn)
	failed := time.Now()
	assert.Less(t, failed.Sub(begin), silence+slack, "time until the connection failed")
	s.reach(addrs[0])
	t.Logf("failed after %v, the next connection worked %v later", failed.Sub(begin), time.Since(failed))
	assert.Less(t, time.Since(failed), 5*time.Second, "time of a new connection, which does not wait until proxy is given up")
	assert.Contains(t, b.stderr.String(), "was lost")
	_, after, _ := strings.Cut(b.stderr.String(), "was lost")
	assert.Contains(t, after, "via portforward")
	s.eventually("the capture given up and made anew", func(contextT) error {
		_, after, _ := strings.Cut(steal.stderr.String(), "was lost")
		if !strings.Contains(after, "via portforward") {
			return fmt.Errorf("not yet: %s", steal.stderr)
		}
		return nil
	})
	s.answers("laptop", "http://web/")
	for pod, b := range map[string]*background{"echo": b, "web": steal} {
		assert.Len(t, s.ephemeral(pod), 1, "agents that were launched in %s: %s", pod, b.stderr)
	}
}

// wall drops what the node, and with it the API server, sends to the ports of a
// pod that agents have.
func (s *space) wall(pod string) {
	s.t.Helper()
	table := s.name + "-" + pod
	s.t.Cleanup(func() { s.onNode("nft", "delete", "table", "inet", table) })
	s.onNode("nft", fmt.Sprintf(`table inet %s {
		chain out {
			type filter hook output priority 0;
			ip daddr %s tcp dport %d-65535 drop
		}
	}`, table, s.podIP(pod), firstAgentPort))
}

// agentRecord is what of an agent's record stories look at.
type agentRecord struct {
	Seed   []byte
	Second struct {
		Port   int
		Key    []byte
		Failed string
	}
}

// record is that of the only agent.
func (s *space) record() (r agentRecord) {
	s.t.Helper()
	paths := s.records()
	require.Len(s.t, paths, 1)
	text, err := os.ReadFile(paths[0])
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(text, &r))
	return r
}
