package capture

import (
	"context"
	"crypto/ed25519"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// listenID is the number of the listen stream that the tests pretend.
const listenID = 7

// pair is a session: what a capture opens streams in, and its client.
func pair(t *testing.T) (open Open, agent, client *session.Session) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	near, far := tcpPair(t)
	errc := make(chan error, 1)
	go func() {
		var err error
		agent, err = session.Agent(context.Background(), far, session.Config{Peer: pub})
		errc <- err
	}()
	client, err = session.Client(context.Background(), near, session.Config{Key: key})
	require.NoError(t, err)
	require.NoError(t, <-errc)
	t.Cleanup(func() { client.Close(); agent.Close() })
	return func(caller, local netip.AddrPort) (Stream, error) {
		return agent.Open(wire.KindAccepted, wire.Accepted{Listen: listenID, Caller: caller, Local: local}.String())
	}, agent, client
}

func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c1, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c2, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c1.Close(); c2.Close() })
	return c1.(*net.TCPConn), c2.(*net.TCPConn)
}

// accept takes the next stream that the agent opens.
func accept(t *testing.T, client *session.Session) (*session.Stream, wire.Accepted) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := client.Accept(ctx)
	require.NoError(t, err)
	a, err := wire.ParseAccepted(st.Address())
	require.NoError(t, err)
	return st, a
}

// within fails the test when c has nothing in time.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing came within 10 s")
		panic("unreachable")
	}
}

// eventually waits for ok.
func eventually(t *testing.T, ok func() bool, what string) {
	t.Helper()
	require.Eventually(t, ok, 10*time.Second, time.Millisecond, what)
}
