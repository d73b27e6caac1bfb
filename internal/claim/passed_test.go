//go:build linux

package claim

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	socket = netip.MustParseAddrPort("127.0.0.1:40000")
	caller = netip.MustParseAddrPort("10.1.2.3:51000")
)

func TestBehindAsksThoseWhoCameBefore(t *testing.T) {
	p := port(t)
	first, second, third := take(t, p, filtered(alice)), take(t, p, filtered(bob)), take(t, p, alice)
	forget := first.Passed(socket, caller)
	for _, c := range []*Claim{second, third} {
		got, ok := c.Behind(socket)
		assert.True(t, ok)
		assert.Equal(t, caller, got)
	}
	_, ok := first.Behind(socket)
	assert.False(t, ok, "nobody came before the first")
	_, ok = second.Behind(netip.MustParseAddrPort("127.0.0.1:40001"))
	assert.False(t, ok, "another port")
	forget()
	forget()
	_, ok = second.Behind(socket)
	assert.False(t, ok, "it is forgotten")
}

func TestPassedForgetsOnlyItsOwn(t *testing.T) {
	p := port(t)
	first, second := take(t, p, filtered(alice)), take(t, p, filtered(bob))
	forget := first.Passed(socket, netip.MustParseAddrPort("10.9.9.9:1"))
	first.Passed(socket, caller) // the port is used again
	forget()
	got, ok := second.Behind(socket)
	assert.True(t, ok)
	assert.Equal(t, caller, got)
}

func TestBehindKnowsAllFormsOfAnAddress(t *testing.T) {
	p := port(t)
	first, second := take(t, p, filtered(alice)), take(t, p, filtered(bob))
	mapped := func(a netip.AddrPort) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	}
	first.Passed(mapped(socket), mapped(caller))
	got, ok := second.Behind(socket)
	assert.True(t, ok)
	assert.Equal(t, caller, got)
	_, ok = second.Behind(mapped(socket))
	assert.True(t, ok)
}

// The connection may get to the next claim before Passed is called.
func TestBehindWaitsForPassed(t *testing.T) {
	p := port(t)
	first, second := take(t, p, filtered(alice)), take(t, p, filtered(bob))
	type result struct {
		caller netip.AddrPort
		ok     bool
	}
	got := make(chan result)
	go func() {
		caller, ok := second.Behind(socket)
		got <- result{caller, ok}
	}()
	first.Passed(netip.MustParseAddrPort("127.0.0.1:1"), caller) // somebody else's
	first.Passed(socket, caller)
	assert.Equal(t, result{caller, true}, <-got)
}

func TestBehindAsksNobodyAboutOtherHosts(t *testing.T) {
	p := port(t)
	stranger(t, orderName(p, 0), func(c net.Conn) {
		defer c.Close()
		if b, _ := io.ReadAll(c); len(b) > 0 { // Take only looks whether it is there
			t.Errorf("it was asked %s", b)
		}
	})
	c := take(t, p, filtered(bob))
	for _, addr := range []string{"192.0.2.1:40000", "[2001:db8::1]:40000"} {
		_, ok := c.Behind(netip.MustParseAddrPort(addr))
		assert.False(t, ok)
	}
}

func TestBehindAmongStrangers(t *testing.T) {
	t.Parallel()
	p := port(t)
	first := take(t, p, filtered(alice))
	first.Passed(socket, caller)
	stranger(t, orderName(p, 1), func(net.Conn) {}) // never answers
	stranger(t, orderName(p, 2), func(c net.Conn) { io.ReadAll(c); c.Write([]byte(`{"caller":"nonsense"}`)); c.Close() })
	stranger(t, orderName(p, 3), func(c net.Conn) { io.ReadAll(c); c.Write([]byte(`{"caller":""}`)); c.Close() })
	last := take(t, p, alice)
	begun := time.Now()
	got, ok := last.Behind(socket)
	assert.True(t, ok)
	assert.Equal(t, caller, got)
	assert.Less(t, time.Since(begun), behindTime, "who knows need not wait for who does not answer")
	within(t, func() {
		_, ok = last.Behind(netip.MustParseAddrPort("127.0.0.1:40001"))
		assert.False(t, ok)
	})
}

func TestCloseEndsQuestions(t *testing.T) {
	p := port(t)
	first, second := take(t, p, filtered(alice)), take(t, p, filtered(bob))
	got := make(chan bool)
	go func() {
		_, ok := second.Behind(socket)
		got <- ok
	}()
	require.NoError(t, first.Close())
	assert.False(t, <-got)
}

func BenchmarkBehind(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer ln.Close()
	p := uint16(ln.Addr().(*net.TCPAddr).Port)
	first, err := Take(p, filtered(alice))
	require.NoError(b, err)
	defer first.Close()
	second, err := Take(p, bob)
	require.NoError(b, err)
	defer second.Close()
	first.Passed(socket, caller)
	for b.Loop() {
		second.Behind(socket)
	}
}
