//go:build linux

package nft

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOrderHasALimit(t *testing.T) {
	for _, order := range []int{-1, MaxOrder + 1} {
		_, err := New(Config{Port: 80, To: 1, Order: order})
		assert.ErrorContains(t, err, "redirect port 80: order")
	}
	assert.Less(t, firstPriority+MaxOrder, -100, "before the rules of others")
	assert.Greater(t, firstPriority, -200, "after connection tracking")
}

func TestMarksDiffer(t *testing.T) {
	assert.EqualValues(t, 0x66640000, Mark(0))
	assert.EqualValues(t, 0x66640005, Mark(5))
	assert.EqualValues(t, 0x6664ffff, Mark(Own))
}

func TestControlOfAClosedSocket(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	raw, err := ln.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	assert.ErrorIs(t, Control(Mark(0))("tcp", "", raw), net.ErrClosed)
}
