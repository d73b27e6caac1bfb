package fwd

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

var (
	caller = netip.MustParseAddrPort("10.1.0.7:4711")
	local  = netip.MustParseAddrPort("10.1.0.9:80")
)

// withAgent is a client that has a session, and the agent's end of it.
func withAgent(t *testing.T) (*Client, *session.Session) {
	t.Helper()
	running := goleak.IgnoreCurrent()
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	here, there := net.Pipe()
	agentc := make(chan *session.Session, 1)
	go func() {
		s, _ := session.Agent(context.Background(), there, session.Config{Peer: public})
		agentc <- s
	}()
	s, err := session.Client(context.Background(), here, session.Config{Key: key})
	require.NoError(t, err)
	agent := <-agentc
	require.NotNil(t, agent)
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		log: zerolog.Nop(), ctx: ctx, cancel: cancel, parallel: 1,
		sessions: []*session.Session{s}, alive: map[*session.Session]bool{s: true},
		listeners: make(map[listenKey]*Listener),
		rounds:    make(map[*session.Session]*round),
	}
	first := c.newRound(s)
	c.work.Go(func() { c.accept(s, first) })
	t.Cleanup(func() {
		c.Close()
		agent.Close()
		goleak.VerifyNone(t, running)
	})
	return c, agent
}

// listening is a listener and the agent's end of its stream.
func listening(t *testing.T, c *Client, agent *session.Session, note func(wire.Note)) (*Listener, *session.Stream) {
	t.Helper()
	streamc := make(chan *session.Stream, 1)
	go func() {
		st, err := agent.Accept(context.Background())
		if err == nil {
			st.Accept("")
		}
		streamc <- st
	}()
	ln, err := c.Listen(context.Background(), ListenConfig{Port: 80, Mode: wire.Steal, Note: note})
	require.NoError(t, err)
	st := <-streamc
	require.NotNil(t, st)
	return ln, st
}

func captured(t *testing.T, agent *session.Session, listen *session.Stream) *session.Stream {
	t.Helper()
	st, err := agent.Open(wire.KindAccepted, wire.Accepted{Listen: listen.ID(), Caller: caller, Local: local}.String())
	require.NoError(t, err)
	return st
}

func TestListenGetsWhatTheAgentCaptures(t *testing.T) {
	c, agent := withAgent(t)
	notes := make(chan wire.Note, 1)
	ln, st := listening(t, c, agent, func(n wire.Note) { notes <- n })
	assert.Equal(t, wire.KindListen, st.Kind())
	assert.Equal(t, "steal 80", st.Address())
	line, err := bufio.NewReader(st).ReadBytes('\n')
	require.NoError(t, err)
	settings, err := wire.ParseSettings(line)
	require.NoError(t, err)
	assert.Contains(t, settings.Who, "@")

	io.WriteString(captured(t, agent, st), "hello")
	in, err := ln.Accept()
	require.NoError(t, err)
	assert.Equal(t, caller, in.Caller)
	assert.Equal(t, local, in.Local)
	got := make([]byte, 5)
	_, err = io.ReadFull(in, got)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(got))

	st.Write(wire.Note{Warning: "nobody listens"}.Append(nil))
	assert.Equal(t, wire.Note{Warning: "nobody listens"}, <-notes)
}

// What the agent captured before it heard of the end is not lost.
func TestStopWaitsForWhatWasCaptured(t *testing.T) {
	c, agent := withAgent(t)
	ln, st := listening(t, c, agent, nil)
	const n = 100
	stopped := make(chan error, 1)
	go func() { stopped <- ln.Stop(context.Background()) }()
	_, err := io.Copy(io.Discard, st)
	require.NoError(t, err, "FIN")
	for range n {
		captured(t, agent, st)
	}
	st.CloseWrite()
	require.NoError(t, <-stopped)
	for range n {
		in, err := ln.Accept()
		require.NoError(t, err)
		in.Accept("")
		defer in.Close()
	}
	_, err = ln.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.NoError(t, ln.Close())
	assert.Empty(t, c.listeners)
}

func TestStopGivesUpWithItsContext(t *testing.T) {
	c, agent := withAgent(t)
	ln, _ := listening(t, c, agent, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, ln.Stop(ctx), context.Canceled)
}

func TestCloseRefusesWhatWaits(t *testing.T) {
	c, agent := withAgent(t)
	ln, st := listening(t, c, agent, nil)
	first := captured(t, agent, st)
	in, err := ln.Accept()
	require.NoError(t, err)
	waits := captured(t, agent, st)
	c.dispatchedAfter(t, ln)
	require.NoError(t, ln.Close())
	_, err = waits.Connected(context.Background())
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	late := captured(t, agent, st)
	_, err = late.Connected(context.Background())
	assert.ErrorIs(t, err, syscall.ECONNRESET)

	in.Accept("127.0.0.1:8080")
	address, err := first.Connected(context.Background())
	require.NoError(t, err, "it is the agent that ends those that were accepted")
	assert.Equal(t, "127.0.0.1:8080", address)
	_, err = ln.Accept()
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.NoError(t, ln.Close())
}

// dispatchedAfter waits until ln has a connection that waits.
func (c *Client) dispatchedAfter(t *testing.T, ln *Listener) {
	t.Helper()
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for len(ln.queue) == 0 {
		ln.arrival.Wait()
	}
}

func TestUnknownStreamsAreRefused(t *testing.T) {
	_, agent := withAgent(t)
	for _, tt := range []struct {
		kind    wire.Kind
		address string
		code    wire.Code
	}{
		{wire.KindAccepted, wire.Accepted{Listen: 77, Caller: caller, Local: local}.String(), wire.Canceled},
		{wire.KindAccepted, "what", wire.Unsupported},
		{wire.KindTCP, "db:5432", wire.Unsupported},
	} {
		st, err := agent.Open(tt.kind, tt.address)
		require.NoError(t, err)
		_, err = st.Connected(context.Background())
		var reset *session.ResetError
		require.ErrorAs(t, err, &reset, "%v %s", tt.kind, tt.address)
		assert.Equal(t, tt.code, reset.Code, "%v %s", tt.kind, tt.address)
	}
}

func TestListenIsRefused(t *testing.T) {
	c, agent := withAgent(t)
	go func() {
		st, err := agent.Accept(context.Background())
		if err == nil {
			st.Reset(wire.AddrInUse, "port 80 is held by anna@laptop since 10:02")
		}
	}()
	_, err := c.Listen(context.Background(), ListenConfig{Port: 80, Mode: wire.Steal})
	require.EqualError(t, err, "port 80 is held by anna@laptop since 10:02")
	assert.True(t, Held(err))
	assert.False(t, Passing(err))
	assert.Empty(t, c.listeners)
}

func TestListenEndsWithItsContext(t *testing.T) {
	c, _ := withAgent(t)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	_, err := c.Listen(ctx, ListenConfig{Port: 80, Mode: wire.Mirror})
	assert.ErrorIs(t, err, why)
	assert.Empty(t, c.listeners)
}

func TestListenRefusesAFilterThatIsTooLong(t *testing.T) {
	_, err := (&Client{}).Listen(context.Background(), ListenConfig{
		Port: 80, Mode: wire.Steal, Settings: wire.Settings{Filter: &wire.Filter{Path: strings.Repeat("x", wire.MaxSettings)}},
	})
	assert.ErrorContains(t, err, "over 65536")
}

func TestLostSessionEndsListeners(t *testing.T) {
	c, agent := withAgent(t)
	ln, st := listening(t, c, agent, nil)
	captured(t, agent, st)
	in, err := ln.Accept()
	require.NoError(t, err)
	agent.CloseWithError(wire.InternalError, "the pod burns")
	_, err = ln.Accept()
	require.ErrorContains(t, err, "the pod burns")
	assert.True(t, Passing(err))
	_, err = in.Read(make([]byte, 1))
	assert.ErrorContains(t, err, "the pod burns")
}

func TestAgentEndsACapture(t *testing.T) {
	c, agent := withAgent(t)
	ln, st := listening(t, c, agent, nil)
	st.Reset(wire.NotPermitted, "NET_ADMIN was taken away")
	_, err := ln.Accept()
	require.ErrorContains(t, err, "NET_ADMIN was taken away")
	assert.False(t, Passing(err))

	ln, st = listening(t, c, agent, nil)
	st.CloseWrite()
	_, err = ln.Accept()
	assert.ErrorIs(t, err, errUncaptured)
}
