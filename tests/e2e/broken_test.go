//go:build e2e

package e2e

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// One fwd-dial lives through all that breaks its link: connections that there
// are end with an error, new ones find their way.
//
// These break the cluster for everybody, so no other story runs meanwhile.
func TestForwardOutlives(t *testing.T) {
	s := newSpace(t, nil)
	s.deployment("home", 1, podSpec(7000, "workload", "idle", "-port", "7000"))
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", "1099511627776")
	forward, addrs := s.forward(2, "-t", "deploy/home", "-L", "0:echo:7000", "-L", "0:source:7001")

	t.Run("a restart of the API server", func(t *testing.T) {
		s := s.with(t)
		agent := s.agentProcess()
		s.outlive(forward, addrs, func() { s.apiServer().signal("KILL") })
		assert.Equal(t, agent.pid, s.agentProcess().pid, "agent's process")
		// The node, too, is back when it hears of new pods.
		s.pod("newcomer", podSpec(0, "workload", "idle"))
	})
	t.Run("a restart of the runtime", func(t *testing.T) {
		s := s.with(t)
		agent := s.agentProcess()
		quiet := s.dial(addrs[0])
		require.NoError(t, talk(quiet))
		byPortForward := []string{"--via", "portforward"}
		forward, addrs := s.forward(2, append(byPortForward, "-t", "deploy/home", "-L", "0:echo:7000", "-L", "0:source:7001")...)
		s.outlive(forward, addrs, func() { s.onNode("systemctl", "restart", "containerd") }, byPortForward...)
		assert.Equal(t, agent.pid, s.agentProcess().pid, "agent's process")
		assert.NoError(t, talk(quiet), "a connection by pods/proxy, which does without the runtime")
	})
	t.Run("the agent's sudden end", func(t *testing.T) {
		s := s.with(t)
		pod := s.podsOf("home")[0]
		require.Len(t, s.ephemeral(pod), 1)
		s.outlive(forward, addrs, func() { s.agentProcess().signal("KILL") })
		assert.Len(t, s.ephemeral(pod), 2, "agents that were launched")
		assert.Equal(t, 2, strings.Count(forward.stderr.String(), "launching an agent"))
	})
	t.Run("the replacement of its pod", func(t *testing.T) {
		s := s.with(t)
		old := s.podsOf("home")
		s.outlive(forward, addrs, func() {
			require.NoError(t, client.CoreV1().Pods(s.name).Delete(t.Context(), old[0], metav1.DeleteOptions{}))
		})
		now := slices.DeleteFunc(s.podsOf("home"), func(name string) bool { return name == old[0] })
		require.Len(t, now, 1)
		assert.Len(t, s.ephemeral(now[0]), 1, "agents in the new pod")
		assert.Contains(t, forward.stderr.String(), now[0])
	})
}

// outlive breaks the link of a forward to an echo and a source, with
// connections on it: some that are quiet, one in the middle of a transfer, and
// one of another fwd-dial, which has flags.
func (s *space) outlive(forward *background, addrs []string, breakIt func(), flags ...string) {
	s.t.Helper()
	echo, source := addrs[0], addrs[1]
	s.reach(echo)
	busy := s.dial(source)
	copied(s.t, io.Discard, busy, 8*mib)
	conns := []net.Conn{busy}
	for range 5 {
		conn := s.dial(echo)
		require.NoError(s.t, talk(conn))
		conns = append(conns, conn)
	}
	pipe := s.stdio(append(flags, "-t", "deploy/home", "echo:7000")...)
	said := strings.Count(forward.stderr.String(), "was lost")

	breakIt()
	for _, conn := range conns {
		s.assertReset(conn)
	}
	s.waitForAPIServer()
	assert.Equal(s.t, 1, pipe.wait(), "exit code of fwd-dial with a connection on stdio; it said: %s", pipe.stderr)
	s.reach(echo)
	s.eventuallyEqual("times that fwd-dial said what happened", said+1, func() int {
		return strings.Count(forward.stderr.String(), "was lost")
	})
}

// waitForAPIServer waits for longer than patience: kubelet lets each restart in
// a row wait twice as long as the one before.
func (s *space) waitForAPIServer() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 6*time.Minute)
	defer cancel()
	require.NoError(s.t, poll(ctx, func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}), "API server")
}
