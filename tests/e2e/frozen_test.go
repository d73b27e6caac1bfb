//go:build e2e

package e2e

import (
	"net"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silence is how long a side waits for the other before it gives it up; slack
// is what a busy machine adds.
const (
	silence = 15 * time.Second
	slack   = 10 * time.Second
)

// An agent that hangs is as bad as one that is gone, only that nobody says so.
func TestFrozenAgentIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	// Its record is replaced, so it has to end by itself.
	forward, addrs := s.forward(1, "--agent-idle", "5s", "-t", "pod/echo", "-L", "0:echo:7000")
	s.reach(addrs[0])
	conn := s.dial(addrs[0])
	require.NoError(t, talk(conn))
	pipe := s.stdio("--agent-idle", "5s", "-t", "pod/echo", "echo:7000")

	agent := s.agentProcess()
	agent.signal("STOP")
	defer agent.signal("CONT")
	begin := time.Now()
	s.assertReset(conn)
	failed := time.Now()
	assert.Less(t, failed.Sub(begin), silence+slack, "time until the connection failed")
	assert.Equal(t, 1, pipe.wait(), "exit code of fwd-dial with a connection on stdio")
	assert.Contains(t, pipe.stderr.String(), "silent")
	assert.Contains(t, forward.stderr.String(), "silent")
	s.reach(addrs[0])
	t.Logf("failed after %v, the next connection worked %v later", failed.Sub(begin), time.Since(failed))
	assert.Len(t, s.ephemeral("echo"), 2, "agents that were launched")
}

// A link that is cut without a word, as by a closed laptop or a dead VPN: both
// ends notice, and the next connection works once there is a way again.
func TestSilentLinkIsGivenUpByBothEnds(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	way := newWay(s)
	forward, addrs := s.forward(1, "--kubeconfig", way.kubeconfig, "-L", "0:echo:7000")
	t.Cleanup(way.stopAgents)
	s.reach(addrs[0])
	agent := s.agentProcess()
	quiet := s.settled(agent)
	conn := s.dial(addrs[0])
	require.NoError(t, talk(conn))
	require.Greater(t, agent.descriptors(), quiet)

	way.freeze(true)
	begin := time.Now()
	s.assertReset(conn)
	assert.Less(t, time.Since(begin), silence+slack, "time until the connection failed")
	// The link to the agent and all that went over it.
	s.eventuallyEqual("descriptors of the agent", quiet-1, agent.descriptors)
	way.freeze(false)
	s.reach(addrs[0])
	assert.Equal(t, agent.pid, s.agentProcess().pid, "agent's process")
	assert.Equal(t, 1, strings.Count(forward.stderr.String(), "launching an agent"))
}

// way is a way to the API server that can be cut without a word.
type way struct {
	s          *space
	kubeconfig string
	frozen     atomic.Bool
}

func newWay(s *space) *way {
	s.t.Helper()
	server, err := url.Parse(restConfig.Host)
	require.NoError(s.t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	s.t.Cleanup(func() { ln.Close() })
	text, err := os.ReadFile(kubeconfig)
	require.NoError(s.t, err)
	w := &way{s: s, kubeconfig: s.scratch("kubeconfig", []byte(strings.ReplaceAll(string(text), server.Host, ln.Addr().String())))}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server.Host)
			if err != nil {
				conn.Close()
				continue
			}
			go w.pump(conn, far)
			go w.pump(far, conn)
		}
	}()
	return w
}

// stopAgents stops those that were launched this way: to them who stops what
// the space has, it is another cluster.
func (w *way) stopAgents() {
	out, err := w.s.command("fwd-agent", "stop", "--all", "--kubeconfig", w.kubeconfig).CombinedOutput()
	assert.NoError(w.s.t, err, "%s", out)
}

// freeze stops everything that is on its way, or lets new connections through
// again; those that were frozen stay so.
func (w *way) freeze(on bool) { w.frozen.Store(on) }

func (w *way) pump(dst, src net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := src.Read(b)
		if w.frozen.Load() {
			return // and neither closes
		}
		if _, werr := dst.Write(b[:n]); err != nil || werr != nil {
			dst.Close()
			src.Close()
			return
		}
	}
}
