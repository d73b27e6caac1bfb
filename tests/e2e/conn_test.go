//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial connects to a local address that fwd-dial listens on. The connection
// goes with the test, and nothing on it takes longer than twice patience.
func (s *space) dial(addr string) *net.TCPConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(2*patience)))
	return conn.(*net.TCPConn)
}

// talk says something to an echo and hears it, on a connection that may have
// waited for long.
func talk(conn net.Conn) error {
	const text = "are you there?"
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	b := make([]byte, len(text))
	if _, err := io.ReadFull(conn, b); err != nil {
		return err
	}
	if string(b) != text {
		return fmt.Errorf("heard %q", b)
	}
	return nil
}

// stdio starts fwd-dial with args, which name an echo, and talks with it. Its
// standard input stays open as long as the test.
func (s *space) stdio(args ...string) *background {
	s.t.Helper()
	r, w, err := os.Pipe()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { w.Close() })
	cmd := s.command("fwd-dial", args...)
	cmd.Stdin = r
	b := s.background(cmd)
	r.Close()
	_, err = io.WriteString(w, "are you there?\n")
	require.NoError(s.t, err)
	require.Equal(s.t, "are you there?", b.stdout.wait(s, 0))
	return b
}

// reach connects to a local address anew until an echo answers there.
func (s *space) reach(addr string) {
	s.t.Helper()
	s.eventually("a new connection", func(ctx context.Context) error { return try(ctx, addr) })
}

// try makes a connection, talks and ends it in good order.
func try(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if err := talk(conn); err != nil {
		return err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		return fmt.Errorf("the end: %w", err)
	}
	return nil
}

// assertReset reads a connection until its end, which must be a reset: an end
// of data would say that all is well.
func (s *space) assertReset(conn net.Conn) {
	s.t.Helper()
	_, err := io.Copy(io.Discard, conn)
	assert.ErrorIs(s.t, err, syscall.ECONNRESET)
}

// digestLine is how a workload reports what it read.
func digestLine(n int64, sum []byte) string { return fmt.Sprintf("bytes=%d sha256=%x\n", n, sum) }
