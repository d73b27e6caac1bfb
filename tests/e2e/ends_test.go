//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// A backend that answers two seconds after it saw the end of the question is
// heard in full.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("slow", 7000, "halfclose", "-wait", "2s")
	question := strings.Repeat("is anybody there? ", mib)
	sum := sha256.Sum256([]byte(question))
	want := digestLine(int64(len(question)), sum[:])
	nothing := sha256.Sum256(nil)
	_, addrs := s.forward(1, "-L", "0:slow:7000")

	t.Run("on standard input and output", func(t *testing.T) {
		t.Parallel()
		s := s.with(t)
		assert.Equal(t, want, s.ok(s.run(strings.NewReader(question), "fwd-dial", "slow:7000")))
	})
	t.Run("with nothing to say", func(t *testing.T) {
		t.Parallel()
		s := s.with(t)
		assert.Equal(t, digestLine(0, nothing[:]), s.ok(s.run(nil, "fwd-dial", "slow:7000")))
	})
	t.Run("on a local port", func(t *testing.T) {
		t.Parallel()
		conn := s.with(t).dial(addrs[0])
		_, err := io.WriteString(conn, question)
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		begin := time.Now()
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, want, string(answer))
		assert.Greater(t, time.Since(begin), 2*time.Second-100*time.Millisecond, "wait for the answer")
	})
	t.Run("by the backend", func(t *testing.T) {
		t.Parallel()
		s := s.with(t)
		// source half-closes when it has said all, and goes on reading.
		s.backend("source", 7000, "source", "-bytes", "100000")
		_, addrs := s.forward(1, "-L", "0:source:7000")
		conn := s.dial(addrs[0])
		n, err := io.Copy(io.Discard, conn)
		require.NoError(t, err)
		assert.Equal(t, int64(100000), n)
		_, err = io.WriteString(conn, question)
		require.NoError(t, err, "writing after the backend's half-close")
		require.NoError(t, conn.CloseWrite())
	})
}

// A backend that resets makes the client fail, and nobody else.
func TestResetAfter64KiB(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("reset", 7000, "reset", "-bytes", "65536", "-wait", "1s")
	s.backend("echo", 7000, "echo")
	forward, addrs := s.forward(2, "-L", "0:reset:7000", "-L", "0:echo:7000")
	other := s.stdio("echo:7000")
	conn := s.dial(addrs[1])
	require.NoError(t, talk(conn))

	t.Run("on standard input and output", func(t *testing.T) {
		r := s.with(t).run(nil, "fwd-dial", "reset:7000")
		assert.Equal(t, 1, r.code)
		assert.Len(t, r.stdout, 64<<10)
		assert.Equal(t, "fwd-dial: error: reset:7000: connection reset by peer\n", r.stderr)
	})
	t.Run("on a local port", func(t *testing.T) {
		s := s.with(t)
		for range 5 {
			conn := s.dial(addrs[0])
			_, err := io.ReadFull(conn, make([]byte, 64<<10))
			require.NoError(t, err)
			s.assertReset(conn)
		}
		s.eventuallyEqual("times that fwd-dial said so", 5, func() int {
			return strings.Count(forward.stderr.String(), " -> reset:7000: connection reset by peer\n")
		})
	})
	t.Run("while the client writes", func(t *testing.T) {
		s := s.with(t)
		conn := s.dial(addrs[0])
		_, err := io.Copy(conn, neverEnding{})
		assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "%v", err)
	})
	require.NoError(t, talk(conn), "a connection of the same fwd-dial")
	s.assertAlive(conn)
	select {
	case <-other.done:
		t.Errorf("a fwd-dial with the same agent ended: %s", other.stderr)
	default:
	}
	assert.Len(t, s.jobs(t.Context()), 1, "agents that were launched")
}

// A client that resets resets the backend.
func TestResetByTheClient(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo")
	_, addrs := s.forward(1, "-L", "0:echo:7000")
	conn := s.dial(addrs[0])
	require.NoError(t, talk(conn))
	require.NoError(t, conn.SetLinger(0))
	require.NoError(t, conn.Close())
	s.eventuallyLogs("echo", "connection reset by peer")
	s.reach(addrs[0])
}

// assertAlive ends an echo's connection in good order.
func (s *space) assertAlive(conn *net.TCPConn) {
	s.t.Helper()
	require.NoError(s.t, conn.CloseWrite())
	rest, err := io.ReadAll(conn)
	require.NoError(s.t, err)
	assert.Empty(s.t, rest)
}

// eventuallyLogs waits until the app of a pod has said something.
func (s *space) eventuallyLogs(pod, text string) {
	s.t.Helper()
	s.eventually("log of pod "+pod, func(ctx context.Context) error {
		log, err := client.CoreV1().Pods(s.name).GetLogs(pod, &corev1.PodLogOptions{Container: "app"}).DoRaw(ctx)
		if err == nil && !strings.Contains(string(log), text) {
			err = fmt.Errorf("no %q in %q", text, log)
		}
		return err
	})
}

type neverEnding struct{}

func (neverEnding) Read(b []byte) (int, error) { return len(b), nil }
