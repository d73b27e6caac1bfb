//go:build linux

package sockets

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListensReadsTheTable(t *testing.T) {
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	const table = heading +
		"   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n" +
		"   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2\n" +
		"   2: 0100007F:0051 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1\n"
	for port, want := range map[uint16]bool{80: true, 8080: true, 81: false, 82: false} {
		got, err := listens(strings.NewReader(table), port)
		require.NoError(t, err)
		assert.Equal(t, want, got, port)
	}
	for _, bad := range []string{"0: 1 2", "0: 00000000:x 00000000:0000 0A", "0: 00000000:10000 00000000:0000 0A", "0: none 1 0A"} {
		_, err := listens(strings.NewReader(heading+bad), 80)
		assert.Error(t, err, bad)
	}
}

func TestListeningSeesListenersOnly(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	port := uint16(ln.Addr().(*net.TCPAddr).Port)

	got, err := Listening(port)
	require.NoError(t, err)
	assert.True(t, got)
	got, err = Listening(uint16(c.LocalAddr().(*net.TCPAddr).Port))
	require.NoError(t, err)
	assert.False(t, got, "the port of a connection's other end")
	require.NoError(t, ln.Close())
	got, err = Listening(port)
	require.NoError(t, err)
	assert.False(t, got, "closed")
}

func TestOriginalDstWithoutRedirect(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		ln, err := net.Listen("tcp", addr)
		if err != nil && addr == "[::1]:0" {
			continue // no IPv6 here
		}
		require.NoError(t, err)
		defer ln.Close()
		c, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		a, err := ln.Accept()
		require.NoError(t, err)
		defer a.Close()
		got, err := OriginalDst(a.(*net.TCPConn))
		require.NoError(t, err)
		assert.Equal(t, c.RemoteAddr().String(), got.String())
	}
}

func TestOriginalDstOfAClosedConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c.Close()
	_, err = OriginalDst(c.(*net.TCPConn))
	assert.ErrorIs(t, err, net.ErrClosed)
}
