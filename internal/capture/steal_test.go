package capture

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// fakePod is a pod whose app listens at addr, and whose redirect callers follow
// by themselves. It remembers what was done to it.
type fakePod struct {
	addr  netip.AddrPort
	order int
	fail  string // the step that fails

	mu     sync.Mutex
	did    []string                          // guarded by mu
	to     uint16                            // guarded by mu
	passed map[netip.AddrPort]netip.AddrPort // guarded by mu
}

var errFake = errors.New("no")

func (p *fakePod) do(step string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.did = append(p.did, step)
	if step == p.fail {
		return errFake
	}
	return nil
}

func (p *fakePod) steps() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.did)
}

func (p *fakePod) pod() Pod {
	return Pod{
		Take: func(uint16) (Claim, error) {
			if err := p.do("take"); err != nil {
				return nil, err
			}
			return fakeClaim{p}, nil
		},
		Redirect: func(_, to uint16, _ int) (Redirect, error) {
			if err := p.do("redirect"); err != nil {
				return nil, err
			}
			p.to = to
			return fakeRedirect{p}, nil
		},
		Control: func(int) func(string, string, syscall.RawConn) error { return nil },
		OriginalDst: func(c *net.TCPConn) (netip.AddrPort, error) {
			return p.addr, nil
		},
		Listening:        func(uint16) (bool, error) { return p.fail != "listening", nil },
		ResetEstablished: func(uint16) (int, error) { return 0, p.do("reset") },
	}
}

type fakeClaim struct{ p *fakePod }

func (c fakeClaim) Order() int   { return c.p.order }
func (c fakeClaim) Yield() error { return c.p.do("yield") }
func (c fakeClaim) Close() error { return c.p.do("release") }

func (c fakeClaim) Passed(local, caller netip.AddrPort) func() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.passed[local] = caller
	return func() {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		delete(c.p.passed, local)
	}
}

func (c fakeClaim) Behind(addr netip.AddrPort) (netip.AddrPort, bool) {
	return netip.MustParseAddrPort("192.0.2.1:1234"), true
}

type fakeRedirect struct{ p *fakePod }

func (r fakeRedirect) Stop() error  { return r.p.do("stop") }
func (r fakeRedirect) Close() error { return r.p.do("undo") }

// app is a pod with an app that says what it was told.
func app(t *testing.T) *fakePod {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.WriteString(c, "app: ")
				io.Copy(c, c)
			}()
		}
	}()
	return &fakePod{addr: netip.MustParseAddrPort(ln.Addr().String()), passed: make(map[netip.AddrPort]netip.AddrPort)}
}

// theft is a Steal that runs.
type theft struct {
	*Steal
	pod    *fakePod
	client *session.Session
	agent  *session.Session
	warned chan string
	runc   chan error
	cancel context.CancelFunc
}

func steal(t *testing.T, pod *fakePod, change func(*StealConfig)) *theft {
	t.Helper()
	th := &theft{pod: pod, warned: make(chan string, 10), runc: make(chan error, 1)}
	var open Open
	open, th.agent, th.client = pair(t)
	cfg := StealConfig{Port: pod.addr.Port(), Open: open, Warn: func(text string) { th.warned <- text }, Pod: pod.pod()}
	if change != nil {
		change(&cfg)
	}
	s, err := NewSteal(cfg)
	require.NoError(t, err)
	th.Steal = s
	ctx, cancel := context.WithCancel(context.Background())
	th.cancel = cancel
	done := make(chan struct{})
	go func() { th.runc <- s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return th
}

// call is a caller whose connection was redirected.
func (th *theft) call(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", netip.AddrPortFrom(th.pod.addr.Addr(), th.pod.to).String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c.(*net.TCPConn)
}

func TestStealLeavesNothingWhenAStepFails(t *testing.T) {
	for _, tt := range []struct {
		fail string
		want []string
	}{
		{"take", []string{"take"}},
		{"redirect", []string{"take", "redirect", "release"}},
		{"reset", []string{"take", "redirect", "reset", "undo", "release"}},
	} {
		t.Run(tt.fail, func(t *testing.T) {
			pod := &fakePod{fail: tt.fail}
			_, err := NewSteal(StealConfig{Port: 80, ResetExisting: true, Pod: pod.pod()})
			assert.ErrorIs(t, err, errFake)
			assert.Equal(t, tt.want, pod.did)
			if pod.to != 0 {
				_, err = net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), pod.to).String())
				assert.ErrorIs(t, err, syscall.ECONNREFUSED, "the listener is still there")
			}
		})
	}
}

func TestStealIsUndoneInOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail string
		stop func(*theft) error
		want []string
	}{
		{"after Stop", "", func(th *theft) error { return th.Stop() }, []string{"take", "redirect", "stop", "yield", "undo", "release"}},
		{"after Abort", "", func(th *theft) error { th.Abort(); return nil }, []string{"take", "redirect", "stop", "yield", "undo", "release"}},
		{"after the agent", "", func(th *theft) error { th.cancel(); return nil }, []string{"take", "redirect", "stop", "yield", "undo", "release"}},
		{"when the rules cannot be stopped", "stop", func(th *theft) error {
			if err := th.Stop(); !errors.Is(err, errFake) {
				return err
			}
			return nil
		}, []string{"take", "redirect", "stop", "undo", "yield", "undo", "release"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := app(t)
			pod.fail = tt.fail
			th := steal(t, pod, nil)
			require.NoError(t, tt.stop(th))
			err := within(t, th.runc)
			if tt.fail == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, errFake)
			}
			assert.Equal(t, tt.want, pod.steps())
		})
	}
}

func TestStolenConnectionGoesToTheClient(t *testing.T) {
	th := steal(t, app(t), nil)
	c := th.call(t)
	st, a := accept(t, th.client)
	assert.Equal(t, wire.Accepted{Listen: listenID, Caller: netip.MustParseAddrPort(c.LocalAddr().String()), Local: th.pod.addr}, a)
	st.Accept("")
	_, err := io.WriteString(st, "banner") // before a byte of the caller's
	require.NoError(t, err)
	got := make([]byte, 6)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	assert.Equal(t, "banner", string(got))

	require.NoError(t, st.CloseWrite())
	_, err = c.Read(got)
	assert.Equal(t, io.EOF, err)
	_, err = io.WriteString(c, "said after the other's end")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	all, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "said after the other's end", string(all))
	assert.Equal(t, wire.Note{Connections: 1}, th.Note())
}

func TestStolenResetsTravel(t *testing.T) {
	t.Run("from the caller", func(t *testing.T) {
		th := steal(t, app(t), nil)
		c := th.call(t)
		st, _ := accept(t, th.client)
		st.Accept("")
		c.SetLinger(0)
		c.Close()
		_, err := st.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
	t.Run("from the client", func(t *testing.T) {
		th := steal(t, app(t), nil)
		c := th.call(t)
		st, _ := accept(t, th.client)
		st.Reset(wire.ConnRefused, "")
		_, err := c.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
	t.Run("from the end of the session", func(t *testing.T) {
		th := steal(t, app(t), nil)
		c := th.call(t)
		st, _ := accept(t, th.client)
		st.Accept("")
		th.client.Close()
		_, err := c.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestStealResetsWhoCallsItsOwnPort(t *testing.T) {
	pod := app(t)
	th := steal(t, pod, func(cfg *StealConfig) {
		cfg.Pod.OriginalDst = func(c *net.TCPConn) (netip.AddrPort, error) {
			return netip.MustParseAddrPort(c.LocalAddr().String()), nil
		}
	})
	c, err := net.Dial("tcp", netip.AddrPortFrom(pod.addr.Addr(), pod.to).String())
	if err == nil { // else the reset was faster
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.Zero(t, th.Note())
}

func TestStealKnowsWhoIsBehindAnEarlierClaim(t *testing.T) {
	pod := app(t)
	pod.order = 1
	th := steal(t, pod, nil)
	th.call(t)
	_, a := accept(t, th.client)
	assert.Equal(t, "192.0.2.1:1234", a.Caller.String())
}

func TestFallbackPassesToTheApp(t *testing.T) {
	for _, tt := range []struct {
		name   string
		refuse func(*theft, *session.Stream)
	}{
		{"when the client refuses", func(_ *theft, st *session.Stream) { st.Reset(wire.ConnRefused, "") }},
		{"when the client goes before it answers", func(th *theft, _ *session.Stream) { th.client.Close() }},
		{"when the capture is aborted before the client answers", func(th *theft, _ *session.Stream) { th.Abort() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			th := steal(t, app(t), func(cfg *StealConfig) { cfg.Fallback = true })
			c := th.call(t)
			_, err := io.WriteString(c, "hello")
			require.NoError(t, err)
			st, _ := accept(t, th.client)
			tt.refuse(th, st)
			require.NoError(t, c.CloseWrite())
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			assert.Equal(t, "app: hello", string(got))
			assert.Zero(t, th.Note().Connections)
			eventually(t, func() bool { th.pod.mu.Lock(); defer th.pod.mu.Unlock(); return len(th.pod.passed) == 0 }, "nobody is remembered")
		})
	}
}

func TestPassedConnectionsOutliveTheClientButNotTheAgent(t *testing.T) {
	th := steal(t, app(t), func(cfg *StealConfig) { cfg.Fallback = true })
	c := th.call(t)
	st, _ := accept(t, th.client)
	st.Reset(wire.ConnRefused, "")
	_, err := io.ReadFull(c, make([]byte, len("app: ")))
	require.NoError(t, err)
	th.pod.mu.Lock()
	for _, caller := range th.pod.passed {
		assert.Equal(t, c.LocalAddr().String(), caller.String())
	}
	assert.Len(t, th.pod.passed, 1)
	th.pod.mu.Unlock()

	th.client.Close()
	th.Abort()
	_, err = io.WriteString(c, "still there")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, len("still there")))
	require.NoError(t, err)
	assert.NotContains(t, th.pod.steps(), "undo", "its table is needed")

	th.cancel()
	_, err = c.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.NoError(t, within(t, th.runc))
}

func TestStopLetsStolenConnectionsGoOn(t *testing.T) {
	th := steal(t, app(t), nil)
	c := th.call(t)
	st, _ := accept(t, th.client)
	st.Accept("")
	require.NoError(t, th.Stop())
	assert.Equal(t, []string{"take", "redirect", "stop", "yield"}, th.pod.steps())

	late := th.call(t) // was on its way when the rules were taken out
	require.NoError(t, late.CloseWrite())
	got, err := io.ReadAll(late)
	require.NoError(t, err)
	assert.Equal(t, "app: ", string(got))

	_, err = io.WriteString(c, "more")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err = io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "more", string(got))
	require.NoError(t, st.Close())
	assert.NoError(t, within(t, th.runc))
}

// There is no redirect any more that could bring more of them.
func TestStopPassesOnWhoWaitsForRoom(t *testing.T) {
	th := steal(t, app(t), nil)
	eventually(t, func() bool { return len(th.roomc) == 1 }, "it accepts")
	for range cap(th.roomc) - 1 {
		th.roomc <- struct{}{}
	}
	th.call(t) // takes the room that is left
	accept(t, th.client)
	waits := th.call(t)
	require.NoError(t, th.Stop())
	require.NoError(t, waits.CloseWrite())
	got, err := io.ReadAll(waits)
	require.NoError(t, err)
	assert.Equal(t, "app: ", string(got))
}

func TestAbortResetsStolenConnections(t *testing.T) {
	th := steal(t, app(t), nil)
	c := th.call(t)
	st, _ := accept(t, th.client)
	st.Accept("")
	th.Abort()
	_, err := c.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = st.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.NoError(t, within(t, th.runc))
}

// A caller that reads nothing does not keep its connection once the client has
// gone.
func TestCallerThatDoesNotReadIsLetGo(t *testing.T) {
	t.Parallel()
	th := steal(t, app(t), nil)
	c := th.call(t)
	st, _ := accept(t, th.client)
	st.Accept("")
	st.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	for _, err := st.Write(make([]byte, 1<<20)); err == nil; _, err = st.Write(make([]byte, 1<<20)) {
	}
	st.Reset(wire.Canceled, "")
	begin := time.Now()
	require.NoError(t, th.Stop())
	assert.NoError(t, within(t, th.runc))
	assert.Less(t, time.Since(begin), 2*partingTime)
	_, err := io.Copy(io.Discard, c)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestStealSaysThatNothingListens(t *testing.T) {
	pod := app(t)
	pod.fail = "listening"
	th := steal(t, pod, nil)
	text := within(t, th.warned)
	assert.True(t, strings.HasPrefix(text, "nothing listens on port"), text)
}
