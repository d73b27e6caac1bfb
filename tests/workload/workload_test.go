package main

import (
	"context"
	"flag"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hello is the digest of "hello".
const hello = "bytes=5 sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"

// dial serves a subcommand on loopback for the length of the test and connects
// to it.
func dial(t *testing.T, name string, args ...string) *net.TCPConn {
	t.Helper()
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	handle := commands[name](flags)
	require.NoError(t, flags.Parse(args))
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	errc := make(chan error, 1)
	go func() { errc <- serve(ctx, ln, handle) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-errc)
	})
	conn, err := net.DialTCP("tcp", nil, ln.Addr().(*net.TCPAddr))
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask writes, half-closes and returns all that comes back.
func ask(t *testing.T, conn *net.TCPConn, text string) string {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}

func TestSubcommandsAnswer(t *testing.T) {
	tests := []struct {
		name, command string
		args          []string
		say, want     string
	}{
		{"echo sends back", "echo", nil, "hello", "hello"},
		{"banner speaks first", "banner", []string{"-text", "hi\n"}, "hello", "hi\nhello"},
		{"halfclose reports after EOF", "halfclose", []string{"-wait", "10ms"}, "hello", hello},
		{"sink reports", "sink", nil, "hello", hello},
		{"a slow sink reads everything", "sink", []string{"-rate", "100"}, "hello", hello},
		{"source of nothing closes", "source", []string{"-bytes", "0"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, ask(t, dial(t, tt.command, tt.args...), tt.say))
		})
	}
}

func TestSinkKeepsItsRate(t *testing.T) {
	conn := dial(t, "sink", "-rate", "100")
	start := time.Now()
	ask(t, conn, strings.Repeat("x", 40))
	assert.Greater(t, time.Since(start), 300*time.Millisecond)
}

func TestSourceWritesThePattern(t *testing.T) {
	got := ask(t, dial(t, "source", "-bytes", "100000", "-seed", "7"), "")
	want := make([]byte, 100000)
	_, err := io.ReadFull(pattern(7), want)
	require.NoError(t, err)
	assert.True(t, got == string(want), "source wrote %d bytes that are not the pattern's first %d", len(got), len(want))
}

func TestResetComesAfterItsBytes(t *testing.T) {
	conn := dial(t, "reset", "-bytes", "5", "-wait", "50ms")
	buf := make([]byte, 5)
	_, err := io.ReadFull(conn, buf)
	require.NoError(t, err)
	_, err = conn.Read(buf)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestIdleNeverAnswers(t *testing.T) {
	conn := dial(t, "idle")
	require.NoError(t, conn.SetDeadline(time.Now().Add(100*time.Millisecond)))
	_, err := io.WriteString(conn, "hello")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	assert.True(t, timeout.Timeout())
}
