//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Whoever is told to end does so, whatever is under way, and the agent lets go
// of all that was done for it.
func TestSignalsEndForwarding(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", "1099511627776")
	s.backend("idle", 7002, "idle", "-port", "7002")
	agent, quiet := s.quietAgent()

	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		forward, addrs := s.forward(3, "-L", "0:echo:7000", "-L", "0:source:7001", "-L", "0:idle:7002")
		echo, unread := s.dial(addrs[0]), s.dial(addrs[1])
		require.NoError(t, talk(echo))
		copied(t, io.Discard, unread, mib)
		fill(t, s.dial(addrs[2]))
		require.Greater(t, agent.descriptors(), quiet)

		assert.Equal(t, 130, forward.interrupt(sig), "exit code on %v", sig)
		s.assertReset(echo)
		s.assertReset(unread)
		s.eventuallyEqual("descriptors of the agent", quiet, agent.descriptors)
	}
}

// A fwd-dial that has work to undo does it when it is told to end, and when told
// again it does not.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	way := newWay(s)
	t.Cleanup(way.stopAgents)
	start := func() *background {
		b := s.start("fwd-dial", "--kubeconfig", way.kubeconfig, "--agent-image", s.pauseImage(), "echo:7000")
		s.eventually("the agent's Job", func(ctx context.Context) error {
			if jobs, err := client.BatchV1().Jobs(s.name).List(ctx, metav1.ListOptions{}); err != nil || len(jobs.Items) == 1 {
				return err
			}
			return errors.New("not there")
		})
		return b
	}
	assert.Equal(t, 130, start().interrupt(syscall.SIGINT))
	s.eventuallyEqual("Jobs after one signal", 0, func() int { return len(s.jobs(t.Context())) })

	b := start()
	way.freeze(true)
	b.signal(syscall.SIGINT)
	begin := time.Now()
	s.eventually("the end after several signals", func(context.Context) error {
		select {
		case <-b.done:
			return nil
		default:
			b.signal(syscall.SIGINT)
			return errors.New("still runs")
		}
	})
	assert.Less(t, time.Since(begin), 2*time.Second)
	way.freeze(false)
}

// A reader that has seen enough is no failure, and ends fwd-dial whether or not
// standard input has ended.
func TestReaderThatHasSeenEnough(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", "1099511627776")
	agent, quiet := s.quietAgent()

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	defer r.Close()
	for _, stdin := range []*os.File{nil, r} {
		cmd := s.command("bash", "-c", "set -o pipefail; fwd-dial source:7001 | head -c1 | wc -c")
		if stdin != nil {
			cmd.Stdin = stdin
		}
		b := s.background(cmd)
		assert.Zero(t, b.wait(), "exit code")
		assert.Equal(t, "1\n", b.stdout.String())
		assert.Empty(t, b.stderr.String())
		s.eventuallyEqual("descriptors of the agent", quiet, agent.descriptors)
	}
}

// quietAgent launches an agent and waits until nobody is connected to it: the
// node takes a moment to tell it that a client has gone. It returns how many
// descriptors it has then.
func (s *space) quietAgent() (agent process, descriptors int) {
	s.t.Helper()
	// With its second port open already: that stays.
	require.Zero(s.t, s.run(nil, "fwd-agent", "launch", "--via", "proxy").code)
	agent = s.agentProcess()
	s.eventually("an agent without clients", func(context.Context) error {
		if sockets := agent.connections(); sockets > 0 {
			return fmt.Errorf("it has %d connections", sockets)
		}
		return nil
	})
	return agent, agent.descriptors()
}

// pauseImage is an image that every node has. Its program runs and never
// answers.
func (s *space) pauseImage() string {
	n, err := client.CoreV1().Nodes().Get(s.t.Context(), node, metav1.GetOptions{})
	require.NoError(s.t, err)
	for _, image := range n.Status.Images {
		for _, name := range image.Names {
			if strings.Contains(name, "/pause:") {
				return name
			}
		}
	}
	s.t.Fatal("the node has no pause image")
	return ""
}

// signal sends the command a signal.
func (b *background) signal(sig syscall.Signal) { b.cmd.Process.Signal(sig) }

// interrupt sends a signal on which the command must end soon, and returns its
// exit code.
func (b *background) interrupt(sig syscall.Signal) int {
	b.s.t.Helper()
	begin := time.Now()
	b.signal(sig)
	code := b.wait()
	assert.Less(b.s.t, time.Since(begin), 5*time.Second, "time from %v to the end", sig)
	return code
}
