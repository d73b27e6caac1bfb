package relay

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tcpPair is two ends of one TCP connection.
func tcpPair(t *testing.T) (near, far TCP) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c1, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c2, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c1.Close(); c2.Close() })
	return TCP{c1.(*net.TCPConn)}, TCP{c2.(*net.TCPConn)}
}

// joined is two far ends with a Join between them.
func joined(t *testing.T) (a, b TCP, done <-chan error) {
	a, a2 := tcpPair(t)
	b, b2 := tcpPair(t)
	errc := make(chan error, 1)
	go func() { errc <- Join(a2, b2) }()
	return a, b, errc
}

func TestJoinHalfCloses(t *testing.T) {
	a, b, done := joined(t)
	_, err := io.WriteString(a, "question")
	require.NoError(t, err)
	require.NoError(t, a.CloseWrite())
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	assert.Equal(t, "question", string(got))

	answer := strings.Repeat("answer", 100_000)
	go func() {
		io.WriteString(b, answer)
		b.CloseWrite()
	}()
	got, err = io.ReadAll(a)
	require.NoError(t, err)
	assert.Equal(t, answer, string(got))
	assert.NoError(t, <-done)
}

func TestJoinPassesResetOn(t *testing.T) {
	a, b, done := joined(t)
	_, err := io.WriteString(a, "x")
	require.NoError(t, err)
	_, err = io.ReadFull(b, make([]byte, 1))
	require.NoError(t, err)

	a.Abort(nil)
	_, err = b.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	err = <-done
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	var side *Error
	require.True(t, errors.As(err, &side))
	assert.Equal(t, "read", side.Op)
}

func TestJoinAbortsWhenOneSideTakesNoMore(t *testing.T) {
	a, b, done := joined(t)
	require.NoError(t, b.Close())
	for { // until the reset has come back
		if _, err := a.Write(make([]byte, 1<<10)); err != nil {
			assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE), "write: %v", err)
			break
		}
	}
	assert.Error(t, <-done)
}
