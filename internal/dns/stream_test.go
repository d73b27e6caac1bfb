package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// tcpPair gives both ends of a loopback connection.
func tcpPair(t *testing.T) (client, server *net.TCPConn) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	s, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		s.Close()
	})
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// echo answers every query with NOERROR and no records; a name whose first label
// is "slow" only when release is closed.
func echo(release <-chan struct{}) ExchangeFunc {
	return func(ctx context.Context, query []byte) ([]byte, error) {
		q, err := parseMessage(query)
		if err != nil {
			return nil, err
		}
		switch q.Questions[0].Name.String() {
		case "slow.":
			select {
			case <-release:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		case "fail.":
			return nil, errors.New("it broke")
		case "timeout.":
			return nil, &ResolverError{Kind: ErrTimeout, Text: "timeout asking 10.96.0.10"}
		case "closed.":
			return nil, &ResolverError{Kind: ErrUnreachable, Text: "asking 10.96.0.10: connection refused"}
		case "refused.":
			return nil, &ResolverError{Kind: ErrServer, RCode: dnsmessage.RCodeRefused, Text: "REFUSED from 10.96.0.10"}
		case "garbage.":
			return []byte("garbage"), nil
		}
		return q.reply(dnsmessage.RCodeSuccess).pack(maxMessage), nil
	}
}

// serve runs ServeStream on one end of a connection and gives the other.
func serve(t *testing.T, ctx context.Context, exchange ExchangeFunc) (*net.TCPConn, <-chan error) {
	client, server := tcpPair(t)
	errc := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { errc <- ServeStream(ctx, server, exchange) })
	t.Cleanup(func() {
		client.Close()
		wg.Wait()
	})
	return client, errc
}

func TestServeStreamAnswersOutOfOrderAndEndsAfterHalfClose(t *testing.T) {
	release := make(chan struct{})
	conn, errc := serve(t, t.Context(), echo(release))
	require.NoError(t, writeMessage(conn, query(t, "slow.", dnsmessage.TypeA, true)))
	require.NoError(t, writeMessage(conn, query(t, "fast.", dnsmessage.TypeA, true)))
	require.NoError(t, conn.CloseWrite())
	b, err := readMessage(conn)
	require.NoError(t, err)
	assert.Equal(t, "fast.", unpack(t, b).Questions[0].Name.String())
	close(release)
	b, err = readMessage(conn)
	require.NoError(t, err)
	assert.Equal(t, "slow.", unpack(t, b).Questions[0].Name.String())
	_, err = readMessage(conn)
	assert.Equal(t, io.EOF, err)
	assert.NoError(t, <-errc)
}

func TestServeStreamSaysWhyItFailed(t *testing.T) {
	conn, _ := serve(t, t.Context(), echo(nil))
	for _, c := range []struct {
		name  string
		rcode dnsmessage.RCode
		ede   string
	}{
		{"fail.", 2, "\x00\x00it broke"},
		{"timeout.", 2, "\x00\x16timeout asking 10.96.0.10"},
		{"closed.", 2, "\x00\x17asking 10.96.0.10: connection refused"},
		{"refused.", 5, "\x00\x00REFUSED from 10.96.0.10"},
		{"garbage.", 2, "\x00\x18malformed DNS message"},
	} {
		for _, edns := range []bool{true, false} {
			require.NoError(t, writeMessage(conn, query(t, c.name, dnsmessage.TypeA, edns)))
			b, err := readMessage(conn)
			require.NoError(t, err)
			m := unpack(t, b)
			assert.Equal(t, c.rcode, m.RCode, c.name)
			if !edns {
				assert.Empty(t, m.Additionals, c.name)
				continue
			}
			require.Len(t, m.Additionals, 1)
			opt := m.Additionals[0].Body.(*dnsmessage.OPTResource)
			assert.Equal(t, []dnsmessage.Option{{Code: 15, Data: []byte(c.ede)}}, opt.Options, c.name)
		}
	}
}

func TestServeStreamRefusesTheTooMany(t *testing.T) {
	release := make(chan struct{})
	conn, errc := serve(t, t.Context(), echo(release))
	for range maxInFlight {
		require.NoError(t, writeMessage(conn, query(t, "slow.", dnsmessage.TypeA, true)))
	}
	require.NoError(t, writeMessage(conn, query(t, "one-more.", dnsmessage.TypeA, true)))
	b, err := readMessage(conn)
	require.NoError(t, err)
	m := unpack(t, b)
	assert.Equal(t, dnsmessage.RCodeServerFailure, m.RCode)
	assert.Equal(t, "one-more.", m.Questions[0].Name.String())
	close(release)
	for range maxInFlight {
		_, err := readMessage(conn)
		require.NoError(t, err)
	}
	conn.CloseWrite()
	assert.NoError(t, <-errc)
}

func TestServeStreamEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	conn, errc := serve(t, ctx, echo(nil))
	require.NoError(t, writeMessage(conn, query(t, "slow.", dnsmessage.TypeA, true)))
	time.AfterFunc(20*time.Millisecond, cancel)
	assert.NoError(t, <-errc)
	_, err := readMessage(conn)
	assert.Error(t, err)
}

func TestServeStreamReportsABrokenStream(t *testing.T) {
	for name, octets := range map[string]string{"half a length": "\x00", "half a message": "\x00\x20abc", "no header": "\x00\x03abc"} {
		conn, errc := serve(t, t.Context(), echo(nil))
		_, err := conn.Write([]byte(octets))
		require.NoError(t, err)
		conn.CloseWrite()
		assert.Error(t, <-errc, name)
	}
	conn, errc := serve(t, t.Context(), echo(nil))
	require.NoError(t, writeMessage(conn, query(t, "slow.", dnsmessage.TypeA, true)))
	conn.SetLinger(0)
	conn.Close() // a reset ends the query under way
	assert.Error(t, <-errc)
}

func TestClientManyAtOnce(t *testing.T) {
	release := make(chan struct{})
	conn, _ := serve(t, t.Context(), echo(release))
	c := NewClient(conn)
	defer c.Close()
	var slow, fast sync.WaitGroup
	ask := func(name string) {
		q := query(t, name, dnsmessage.TypeA, true)
		b, err := c.Exchange(t.Context(), q)
		if assert.NoError(t, err) {
			m, err := parseMessage(b)
			assert.NoError(t, err)
			assert.Equal(t, name, m.Questions[0].Name.String())
			assert.EqualValues(t, 4711, m.ID)
		}
	}
	slow.Go(func() { ask("slow.") })
	for i := range 3000 { // more than fit at once
		fast.Go(func() { ask(fmt.Sprintf("n%d.", i)) })
	}
	fast.Wait()
	close(release)
	slow.Wait()
}

func TestClientCancelledQueryLeavesTheOthersAlone(t *testing.T) {
	release := make(chan struct{})
	conn, _ := serve(t, t.Context(), echo(release))
	c := NewClient(conn)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Exchange(ctx, query(t, "slow.", dnsmessage.TypeA, true))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	for range 2 * maxInFlight { // the late answer frees its place and reaches nobody
		b, err := c.Exchange(t.Context(), query(t, "fast.", dnsmessage.TypeA, true))
		require.NoError(t, err)
		assert.Equal(t, "fast.", unpack(t, b).Questions[0].Name.String())
	}
}

func TestClientWaitingForAPlaceCanBeCancelled(t *testing.T) {
	client, _ := tcpPair(t) // a peer that never answers
	c := NewClient(client)
	var wg sync.WaitGroup
	for range maxInFlight {
		wg.Go(func() { c.Exchange(t.Context(), query(t, "slow.", dnsmessage.TypeA, true)) })
	}
	require.Eventually(t, func() bool { return len(c.slots) == maxInFlight }, 5*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Exchange(ctx, query(t, "x.", dnsmessage.TypeA, true))
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	c.Close()
	wg.Wait()
}

func TestClientEndsWithItsStream(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(peer *net.TCPConn, c *Client)
		want error
	}{
		"the peer closes":      {func(peer *net.TCPConn, _ *Client) { peer.Close() }, io.ErrUnexpectedEOF},
		"the peer ends midway": {func(peer *net.TCPConn, _ *Client) { peer.Write([]byte("\x00\x20x")); peer.Close() }, io.ErrUnexpectedEOF},
		"the peer talks rot":   {func(peer *net.TCPConn, _ *Client) { peer.Write([]byte("\x00\x03abc")) }, errMalformed},
		"Close":                {func(_ *net.TCPConn, c *Client) { c.Close() }, ErrClientClosed},
	} {
		client, peer := tcpPair(t)
		cl := NewClient(client)
		errc := make(chan error)
		for range 3 {
			go func() {
				_, err := cl.Exchange(context.Background(), query(t, "db.", dnsmessage.TypeA, true))
				errc <- err
			}()
		}
		for range 3 {
			_, err := readMessage(peer)
			require.NoError(t, err)
		}
		c.end(peer, cl)
		for range 3 {
			assert.ErrorIs(t, <-errc, c.want, name)
		}
		<-cl.Done()
		_, err := cl.Exchange(t.Context(), query(t, "db.", dnsmessage.TypeA, true))
		assert.ErrorIs(t, err, c.want, name)
		assert.NoError(t, cl.Close())
		assert.NoError(t, cl.Close())
	}
}

func TestClientIgnoresAnswersToNothing(t *testing.T) {
	client, peer := tcpPair(t)
	c := NewClient(client)
	defer c.Close()
	go func() {
		q, _ := readMessage(peer)
		stray := append([]byte(nil), q...)
		stray[0]++
		writeMessage(peer, stray)
		q[2] |= 0x80
		writeMessage(peer, q)
	}()
	b, err := c.Exchange(t.Context(), query(t, "db.", dnsmessage.TypeA, true))
	require.NoError(t, err)
	unpack(t, b)
}
