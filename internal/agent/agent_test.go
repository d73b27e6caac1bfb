package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// running is an agent under test.
type running struct {
	addr string
	key  ed25519.PrivateKey
	done chan error // gets what Run returned
}

// run starts an agent on a port of its own.
func run(t *testing.T, idle time.Duration) running {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	r := running{addr: ln.Addr().String(), key: key, done: make(chan error, 1)}
	go func() { r.done <- Run(ctx, Config{Key: pub, Idle: idle, Build: "test"}, []net.Listener{ln}) }()
	t.Cleanup(cancel)
	return r
}

func (r running) session(t *testing.T) *session.Session {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	require.NoError(t, err)
	s, err := session.Client(context.Background(), conn, session.Config{Key: r.key})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// backend serves each connection with serve and gives its address.
func backend(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(conn.(*net.TCPConn))
		}
	}()
	return ln.Addr().String()
}

func TestDialReachesABackend(t *testing.T) {
	addr := backend(t, func(c *net.TCPConn) {
		defer c.Close()
		question, _ := io.ReadAll(c)
		io.WriteString(c, "you said "+string(question))
	})
	st, err := run(t, time.Minute).session(t).Dial(context.Background(), wire.KindTCP, addr)
	require.NoError(t, err)
	io.WriteString(st, "hello")
	require.NoError(t, st.CloseWrite())
	answer, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "you said hello", string(answer))
}

func TestDialFailsAsItFailedInThePod(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := ln.Addr().String()
	ln.Close()
	s := run(t, time.Minute).session(t)
	for _, tt := range []struct {
		name, addr string
		want       error
		code       wire.Code
		text       string
	}{
		{"nothing listens", closed, syscall.ECONNREFUSED, wire.ConnRefused, "connection refused"},
		{"nothing listens at what the host stands for", "[::ffff:127.0.0.1]" + strings.TrimPrefix(closed, "127.0.0.1"),
			syscall.ECONNREFUSED, wire.ConnRefused, closed + ": connection refused"},
		{"no such name", "no-such-host.invalid:80", nil, 0, ""}, // the code depends on this machine's resolver
		{"no port", "127.0.0.1:0", syscall.EINVAL, wire.InvalidAddress, `address "127.0.0.1:0" is not host:port`},
		{"no host", ":80", syscall.EINVAL, wire.InvalidAddress, `address ":80" is not host:port`},
		{"a service's name for a port", "127.0.0.1:http", syscall.EINVAL, wire.InvalidAddress, `address "127.0.0.1:http" is not host:port`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Dial(context.Background(), wire.KindTCP, tt.addr)
			var reset *session.ResetError
			require.True(t, errors.As(err, &reset), "Dial(%s) = %v", tt.addr, err)
			if tt.want != nil {
				assert.ErrorIs(t, err, tt.want)
				assert.Equal(t, tt.code, reset.Code)
				assert.Equal(t, tt.text, reset.Text)
			}
		})
	}
}

func TestBackendsResetArrivesAsReset(t *testing.T) {
	addr := backend(t, func(c *net.TCPConn) {
		c.Write(make([]byte, 64<<10))
		io.ReadFull(c, make([]byte, 1)) // the reader has it all
		c.SetLinger(0)
		c.Close()
	})
	st, err := run(t, time.Minute).session(t).Dial(context.Background(), wire.KindTCP, addr)
	require.NoError(t, err)
	n, err := io.ReadFull(st, make([]byte, 64<<10))
	require.NoError(t, err, "after %d bytes", n)
	st.Write([]byte("x"))
	_, err = st.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestClientsResetReachesTheBackend(t *testing.T) {
	errc := make(chan error, 1)
	addr := backend(t, func(c *net.TCPConn) {
		_, err := io.Copy(io.Discard, c)
		errc <- err
	})
	st, err := run(t, time.Minute).session(t).Dial(context.Background(), wire.KindTCP, addr)
	require.NoError(t, err)
	st.Reset(wire.Canceled, "")
	assert.ErrorIs(t, <-errc, syscall.ECONNRESET)
}

// A backend that reads nothing keeps neither its connection nor the agent once
// there is nobody to write for.
func TestBackendThatDoesNotReadIsLetGo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		leave  func(s *session.Session, st *session.Stream)
		within time.Duration
	}{
		{"its stream is reset", func(_ *session.Session, st *session.Stream) { st.Reset(wire.Canceled, "") }, 2 * partingTime},
		{"its client goes", func(s *session.Session, _ *session.Stream) { s.Close() }, 2 * partingTime},
		{"the agent is stopped", func(s *session.Session, _ *session.Stream) {
			s.Dial(context.Background(), wire.KindControl, "stop")
		}, partingTime / 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			goc, errc := make(chan struct{}), make(chan error, 1)
			addr := backend(t, func(c *net.TCPConn) {
				<-goc
				_, err := io.Copy(io.Discard, c)
				errc <- err
			})
			r := run(t, 500*time.Millisecond)
			s := r.session(t)
			st, err := s.Dial(context.Background(), wire.KindTCP, addr)
			require.NoError(t, err)
			st.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
			_, err = io.Copy(st, zeros{})
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)

			begin := time.Now()
			tt.leave(s, st)
			if s.Err() == nil {
				require.Eventually(t, func() bool { return s.Err() != nil || s.Streams() == 0 }, tt.within, time.Millisecond)
				s.Close()
			}
			require.NoError(t, <-r.done)
			assert.Less(t, time.Since(begin), tt.within)
			close(goc)
			assert.ErrorIs(t, <-errc, syscall.ECONNRESET)
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestStrangersAreTurnedAway(t *testing.T) {
	r := run(t, time.Minute)
	for _, tt := range []struct{ name, say string }{
		{"garbage", "GET / HTTP/1.1\r\n\r\n"},
		{"an oversized greeting", "fwd\x00\x00\x01\xff\xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", r.addr)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, tt.say)
			require.NoError(t, err)
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, err = io.Copy(io.Discard, conn)
			assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "was not closed")
		})
	}
	t.Run("another key", func(t *testing.T) {
		_, key, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		conn, err := net.Dial("tcp", r.addr)
		require.NoError(t, err)
		_, err = session.Client(context.Background(), conn, session.Config{Key: key})
		assert.ErrorIs(t, err, session.ErrWrongAgent)
	})
	assert.NoError(t, r.session(t).Err(), "the agent serves its client still")
}

func TestSilentStrangersDoNotKeepAClientOut(t *testing.T) {
	r := run(t, time.Minute)
	s := r.session(t)
	first, err := net.Dial("tcp", r.addr)
	require.NoError(t, err)
	defer first.Close()
	for range 2 * lobbySize {
		conn, err := net.Dial("tcp", r.addr)
		require.NoError(t, err)
		defer conn.Close()
	}
	r.session(t)
	first.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err = io.Copy(io.Discard, first)
	assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the one that has waited longest is still there")
	assert.NoError(t, s.Err(), "the agent serves its client still")
}

func TestAgentEndsWhenIdle(t *testing.T) {
	r := run(t, 50*time.Millisecond)
	select {
	case err := <-r.done:
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("agent without a client goes on")
	}
}

func TestAgentStaysWhileAClientIsThere(t *testing.T) {
	r := run(t, 200*time.Millisecond)
	s := r.session(t)
	select {
	case <-r.done:
		t.Fatal("agent ended under its client")
	case <-time.After(600 * time.Millisecond):
	}
	s.Close()
	select {
	case err := <-r.done:
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("agent goes on after its client went")
	}
}

func TestAgentObeysStop(t *testing.T) {
	r := run(t, time.Minute)
	_, err := r.session(t).Dial(context.Background(), wire.KindControl, "stop")
	require.NoError(t, err)
	select {
	case err := <-r.done:
		assert.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("agent did not stop")
	}
}
