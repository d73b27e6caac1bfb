package session

import (
	"context"
	"crypto/ed25519"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

var testPublic, testKey, _ = ed25519.GenerateKey(nil)

// links are the byte streams that sessions are tested over.
var links = []struct {
	name string
	make func(t testing.TB) (net.Conn, net.Conn)
}{
	{"pipe", func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() }},
	{"tcp", tcpPair},
}

func tcpPair(t testing.TB) (net.Conn, net.Conn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c1, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	c2, err := ln.Accept()
	require.NoError(t, err)
	return c1, c2
}

// pair makes a session over a link; both ends close with the test.
func pair(t testing.TB, link func(testing.TB) (net.Conn, net.Conn), clientCfg, agentCfg Config) (client, agent *Session) {
	t.Helper()
	noLeaks(t)
	c1, c2 := link(t)
	clientCfg.Key, agentCfg.Peer = testKey, testPublic
	errc := make(chan error, 1)
	go func() {
		var err error
		agent, err = Agent(context.Background(), c2, agentCfg)
		errc <- err
	}()
	client, err := Client(context.Background(), c1, clientCfg)
	require.NoError(t, err)
	require.NoError(t, <-errc)
	t.Cleanup(func() {
		client.Close()
		agent.Close()
	})
	return client, agent
}

// readN reads n bytes.
func readN(t testing.TB, st *Stream, n int) {
	t.Helper()
	_, err := io.CopyN(io.Discard, st, int64(n))
	require.NoError(t, err)
}

// streamPair makes a stream that client opened and agent accepted.
func streamPair(t testing.TB, client, agent *Session) (*Stream, *Stream) {
	t.Helper()
	st1, err := client.Open(wire.KindTCP, "a:1")
	require.NoError(t, err)
	st2, err := agent.Accept(context.Background())
	require.NoError(t, err)
	st2.Accept("1.2.3.4:1")
	_, err = st1.Connected(context.Background())
	require.NoError(t, err)
	return st1, st2
}
