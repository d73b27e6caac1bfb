//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/pinned"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// The port for pods/proxy is open to all pods of the cluster: whoever comes to
// it, and is not the client, hears nothing and is closed.
func TestStrangersInTheCluster(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
	s.caller()
	s.ok(s.run(nil, "fwd-dial", "--via", "proxy", "-t", "pod/echo", "localhost:7000"))
	r, ip := s.record(), s.podIP("echo")
	port := strconv.Itoa(r.Second.Port)
	request := "GET /" + base64.RawURLEncoding.EncodeToString(r.Second.Key) + " HTTP/1.1\r\nHost: agent\r\nConnection: Upgrade\r\nUpgrade: fwd\r\n\r\n"
	hello := func(s *space) {
		s.t.Helper()
		r := s.run(strings.NewReader("hello\n"), "fwd-dial", "--via", "proxy", "-t", "pod/echo", "localhost:7000")
		assert.Equal(s.t, "hello\n", s.ok(r))
		assert.Empty(s.t, r.stderr)
	}

	for _, tt := range []struct {
		name, says string
		slow       bool // closed only when the time to prove oneself is over
	}{
		{name: "garbage", says: "\x16\x03\x01\x02\x00 garbage\n\n"},
		{name: "HTTP without the key", says: strings.Replace(request, "/", "/x", 1)},
		{name: "the key but no upgrade", says: strings.Replace(request, "Upgrade: fwd", "X: y", 1)},
		{name: "the key, and more at once", says: request + "garbage"},
		{name: "a header without an end", says: "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 32<<10)},
		{name: "half a request", says: request[:20], slow: true},
		{name: "silence", slow: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.with(t)
			out := s.inPod("caller", strings.NewReader(stranger), "python3", "-", ip, port, "1", hex.EncodeToString([]byte(tt.says)))
			_, line, _ := strings.Cut(out, "connected\n")
			var got heard
			require.NoError(t, json.Unmarshal([]byte(line), &got), out)
			assert.Empty(t, got.Heard)
			if tt.slow {
				assert.InDelta(t, 10, got.After, 5, "seconds until it was closed")
			} else {
				assert.Less(t, got.After, 5.0, "seconds until it was closed")
			}
			hello(s)
		})
	}
	t.Run("200 at once that say nothing", func(t *testing.T) {
		s := s.with(t)
		out, errc := newLines(), make(chan error, 1)
		go func() {
			errc <- s.exec(t.Context(), "caller", strings.NewReader(stranger), out, "python3", "-", ip, port, "200", "")
		}()
		require.Equal(t, "connected", out.wait(s, 0))
		hello(s)
		require.NoError(t, <-errc)
		assert.Equal(t, 200, strings.Count(out.String(), `"heard": ""`), "connections closed without a word")
		hello(s)
	})

	// Who knows the path, as the API server does, has an answer and no more. They
	// come from the other pod, too.
	_, addrs := s.forward(1, "-t", "pod/caller", "-L", "0:"+net.JoinHostPort(ip, port))
	upgraded := func(s *space) net.Conn {
		s.t.Helper()
		conn := s.dial(addrs[0])
		io.WriteString(conn, request)
		br := bufio.NewReader(conn)
		line, err := br.ReadString('\n')
		require.NoError(s.t, err)
		require.Equal(s.t, "HTTP/1.1 101 Switching Protocols\r\n", line)
		for line != "\r\n" {
			line, err = br.ReadString('\n')
			require.NoError(s.t, err)
		}
		require.Zero(s.t, br.Buffered(), "bytes after the answer")
		return conn
	}
	_, otherKey, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	clientKey := ed25519.NewKeyFromSeed(r.Seed)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	t.Run("the path, then garbage", func(t *testing.T) {
		s := s.with(t)
		conn, begin := upgraded(s), time.Now()
		io.WriteString(conn, "garbage\n")
		said, _ := io.ReadAll(conn)
		assert.LessOrEqual(t, len(said), tlsAlert, "bytes heard: %q", said)
		assert.Less(t, time.Since(begin), 5*time.Second, "time until it was closed")
		hello(s)
	})
	t.Run("the path, then silence", func(t *testing.T) {
		s := s.with(t)
		conn, begin := upgraded(s), time.Now()
		said, _ := io.ReadAll(conn)
		assert.Empty(t, said)
		assert.InDelta(t, 10, time.Since(begin).Seconds(), 5, "seconds until it was closed")
	})
	t.Run("TLS with another key", func(t *testing.T) {
		s := s.with(t)
		begin := time.Now()
		conn, err := pinned.Client(ctx, upgraded(s), otherKey, r.Second.Key)
		require.NoError(t, err, "the client's half, which knows nothing of the agent's verdict")
		io.WriteString(conn, "fwd")
		said, err := io.ReadAll(conn)
		assert.Error(t, err)
		assert.Empty(t, said)
		assert.Less(t, time.Since(begin), 5*time.Second, "time until it was closed")
		hello(s)
	})
	t.Run("the right key, then garbage", func(t *testing.T) {
		s := s.with(t)
		conn, err := pinned.Client(ctx, upgraded(s), clientKey, r.Second.Key)
		require.NoError(t, err)
		io.WriteString(conn, strings.Repeat("garbage\n", 100))
		said, _ := io.ReadAll(conn)
		_, _, err = wire.ParseHello(said)
		assert.NoError(t, err, "the agent's greeting: %q", said)
		hello(s)
	})
	t.Run("all right but the greeting", func(t *testing.T) {
		s := s.with(t)
		conn, err := pinned.Client(ctx, upgraded(s), clientKey, r.Second.Key)
		require.NoError(t, err)
		_, err = session.Client(ctx, conn, session.Config{Key: otherKey, Build: "stranger"})
		assert.ErrorContains(t, err, "another client's key")
	})
	t.Run("all right, which shows that the others fail by what they lack", func(t *testing.T) {
		s := s.with(t)
		conn, err := pinned.Client(ctx, upgraded(s), clientKey, r.Second.Key)
		require.NoError(t, err)
		session, err := session.Client(ctx, conn, session.Config{Key: clientKey, Build: "client"})
		require.NoError(t, err)
		assert.NoError(t, session.Close())
	})
	assert.Len(t, s.ephemeral("echo"), 1, "it is the same agent all the while")
	assert.NotNil(t, s.agentState("echo").Running)
}

// tlsAlert is how long the one record is that TLS may end with.
const tlsAlert = 7
