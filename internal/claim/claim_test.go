//go:build linux

package claim

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestTakeRefusesASecondUnfiltered(t *testing.T) {
	p := port(t)
	take(t, p, alice)
	for _, h := range []Holder{bob, filtered(bob)} {
		_, err := Take(p, h)
		var held *HeldError
		require.ErrorAs(t, err, &held)
		assert.Equal(t, &HeldError{p, alice}, held)
		assert.ErrorIs(t, err, syscall.EADDRINUSE)
	}
}

func TestTakeGivesOrdersInTheOrderOfArrival(t *testing.T) {
	p := port(t)
	first := take(t, p, filtered(alice))
	second := take(t, p, filtered(bob))
	third := take(t, p, filtered(bob))
	assert.Equal(t, []int{0, 1, 2}, []int{first.Order(), second.Order(), third.Order()})

	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "again")
	assert.Equal(t, 3, take(t, p, filtered(alice)).Order(), "behind all, though there is room before them")
	require.NoError(t, third.Close())
	rest := take(t, p, alice)
	assert.Equal(t, 4, rest.Order(), "who takes the rest comes last")
	_, err := Take(p, filtered(bob))
	assert.ErrorContains(t, err, "held by alice@laptop since 2026-03-04 05:06:07 UTC")
	require.NoError(t, rest.Close())
	assert.Equal(t, 4, take(t, p, filtered(bob)).Order())
}

func TestTakeStartsAnewWhenAllHaveGone(t *testing.T) {
	p := port(t)
	for range 3 {
		c := take(t, p, alice)
		assert.Equal(t, 0, c.Order())
		require.NoError(t, c.Close())
	}
}

func TestPortsAreSeparate(t *testing.T) {
	take(t, port(t), alice)
	assert.Equal(t, 0, take(t, port(t), bob).Order())
}

func TestTakeHasALimit(t *testing.T) {
	p := port(t)
	for i := range Max {
		assert.Equal(t, i, take(t, p, filtered(alice)).Order())
	}
	for _, h := range []Holder{bob, filtered(bob)} {
		_, err := Take(p, h)
		assert.ErrorIs(t, err, ErrFull)
		assert.ErrorIs(t, err, syscall.EADDRINUSE)
	}
}

// Connections may outlive their captures for long; they must not use up orders.
func TestWhoHasYieldedIsNotInTheWay(t *testing.T) {
	p := port(t)
	var claims []*Claim
	for range Max {
		claims = append(claims, take(t, p, filtered(alice)))
	}
	for i, c := range claims {
		require.NoError(t, c.Yield())
		if i != 3 && i != 6 && i != Max-1 {
			require.NoError(t, c.Close())
		}
	}
	var got []int
	for range 7 {
		got = append(got, take(t, p, filtered(bob)).Order())
	}
	assert.Equal(t, []int{0, 1, 2, 4, 5, 7, 8}, got)
	assert.Equal(t, 9, take(t, p, alice).Order())
}

// Whatever the timing, there is never more than one who has the whole port, and
// nobody comes after.
func TestTakeAtOnce(t *testing.T) {
	for range 100 {
		p := port(t)
		var (
			wg     sync.WaitGroup
			mu     sync.Mutex
			claims []*Claim
		)
		start := make(chan struct{})
		for i := range 12 {
			h := alice
			h.Filtered = i%3 != 0
			wg.Go(func() {
				<-start
				c, err := Take(p, h)
				var held *HeldError
				switch {
				case err == nil:
					mu.Lock()
					claims = append(claims, c)
					mu.Unlock()
				case !errors.As(err, &held):
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		slices.SortFunc(claims, func(a, b *Claim) int { return a.order - b.order })
		require.NotEmpty(t, claims)
		for i, c := range claims {
			if i > 0 {
				assert.NotEqual(t, claims[i-1].order, c.order)
			}
			assert.Equal(t, i < len(claims)-1, c.holder.Filtered, "the last one has the rest, and only that one")
			assert.NoError(t, c.Close())
		}
	}
}

func TestTakeFromAStranger(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"who is silent":      func(net.Conn) {},
		"who hangs up":       func(c net.Conn) { c.Close() },
		"who talks nonsense": func(c net.Conn) { c.Write([]byte("nonsense")); c.Close() },
		"who never stops": func(c net.Conn) {
			for _, err := c.Write(make([]byte, 1<<10)); err == nil; {
				_, err = c.Write(make([]byte, 1<<10))
			}
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, h := range []Holder{bob, filtered(bob)} {
				p := port(t)
				stranger(t, wholeName(p), serve)
				within(t, func() {
					_, err := Take(p, h)
					var held *HeldError
					require.ErrorAs(t, err, &held)
					assert.Equal(t, &HeldError{Port: p}, held)
				})
			}
			p := port(t)
			stranger(t, orderName(p, 3), serve)
			within(t, func() { assert.Equal(t, 4, take(t, p, bob).Order(), "that order is taken, and no more") })
		})
	}
}

// A name may be taken without a listener, or with one that is full.
func TestTakeFromASocketThatNobodyServes(t *testing.T) {
	t.Parallel()
	for _, backlog := range []int{-1, 0} {
		bind := func(name string) {
			s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			require.NoError(t, err)
			t.Cleanup(func() { unix.Close(s) })
			require.NoError(t, unix.Bind(s, &unix.SockaddrUnix{Name: name}))
			if backlog >= 0 {
				require.NoError(t, unix.Listen(s, backlog))
				c, err := net.Dial("unix", name)
				require.NoError(t, err)
				t.Cleanup(func() { c.Close() })
			}
		}
		p := port(t)
		bind(orderName(p, 0))
		within(t, func() { assert.Equal(t, 1, take(t, p, filtered(alice)).Order()) })
		p = port(t)
		bind(wholeName(p))
		within(t, func() {
			_, err := Take(p, alice)
			assert.ErrorContains(t, err, "is held by someone")
		})
	}
}

// What cannot ask properly neither stops a claim from answering others nor
// costs it more than a bounded number of connections.
func TestClaimAmongStrangers(t *testing.T) {
	t.Parallel()
	p := port(t)
	take(t, p, alice)
	var conns []net.Conn
	for range 100 {
		c, err := net.Dial("unix", wholeName(p))
		require.NoError(t, err)
		conns = append(conns, c)
	}
	conns[0].Write([]byte("{"))
	conns[1].Write(bytes.Repeat([]byte("x"), 2*maxMessage))
	conns[2].(*net.UnixConn).CloseWrite()
	conns[3].Write([]byte(`{"behind":"nonsense"}`))
	_, err := Take(p, bob)
	assert.ErrorContains(t, err, "alice@laptop")
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := c.Read(make([]byte, 1))
		var timeout net.Error
		assert.Falsef(t, errors.As(err, &timeout) && timeout.Timeout(), "the claim does not hang up: %v", err)
		c.Close()
	}
}

func TestCloseDoesNotWaitForStrangers(t *testing.T) {
	p := port(t)
	c := take(t, p, alice)
	conn, err := net.Dial("unix", wholeName(p))
	require.NoError(t, err)
	defer conn.Close()
	begun := time.Now()
	require.NoError(t, c.Close())
	assert.Less(t, time.Since(begun), answerTime)
}

func TestHolderIsTidy(t *testing.T) {
	p := port(t)
	take(t, p, Holder{Who: " al\x1b[31mice\n" + strings.Repeat("é", maxWho)})
	_, err := Take(p, bob)
	var held *HeldError
	require.ErrorAs(t, err, &held)
	assert.True(t, strings.HasPrefix(held.Who, "al[31miceé"))
	assert.LessOrEqual(t, len(held.Who), maxWho)
	assert.Regexp(t, `^port \d+ is held by al\[31miceé+$`, err.Error())
	assert.EqualError(t, &HeldError{Port: 80}, "port 80 is held by someone")

	// Who has the name need not be one of us.
	q := port(t)
	stranger(t, wholeName(q), func(c net.Conn) {
		io.ReadAll(c)
		c.Write([]byte(`{"who":"\u001b]0;title\u0007mallory"}`))
		c.Close()
	})
	_, err = Take(q, bob)
	assert.EqualError(t, err, (&HeldError{q, Holder{Who: "]0;titlemallory"}}).Error())
}

// Who only waits for connections to end keeps nobody from the port, and tells
// still who is behind them.
func TestYield(t *testing.T) {
	port := port(t)
	first, err := Take(port, Holder{Who: "first"})
	require.NoError(t, err)
	defer first.Close()
	require.NoError(t, first.Yield())
	require.NoError(t, first.Yield())
	second, err := Take(port, Holder{Who: "second"})
	require.NoError(t, err)
	defer second.Close()
	assert.Equal(t, 1, second.Order())
	_, err = Take(port, Holder{Filtered: true})
	var held *HeldError
	require.ErrorAs(t, err, &held)
	assert.Equal(t, "second", held.Holder.Who)
}
