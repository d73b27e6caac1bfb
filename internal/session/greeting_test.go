package session

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

var _, otherKey, _ = ed25519.GenerateKey(nil)

// greetings runs both ends' greetings to their end.
func greetings(c1, c2 net.Conn, clientCfg, agentCfg Config) (client, agent *Session, clientErr, agentErr error) {
	var wg sync.WaitGroup
	wg.Go(func() { agent, agentErr = Agent(context.Background(), c2, agentCfg) })
	client, clientErr = Client(context.Background(), c1, clientCfg)
	wg.Wait()
	return
}

func TestGreetingTellsBuildAndLimits(t *testing.T) {
	client, agent := pair(t, links[0].make, Config{Build: "c 1"}, Config{Build: "a 2", Streams: 7, Memory: 5 << 20})
	assert.Equal(t, "a 2", client.PeerBuild())
	assert.Equal(t, "c 1", agent.PeerBuild())
	assert.EqualValues(t, 7, client.peer.Streams)
	assert.EqualValues(t, 5<<20, client.peer.Memory)
	assert.EqualValues(t, 16384, agent.peer.Streams)
	assert.EqualValues(t, 64<<20, agent.peer.Memory)
}

func TestClientLeavesAnotherClientsAgent(t *testing.T) {
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) {
			noLeaks(t)
			c1, c2 := link.make(t)
			_, _, clientErr, agentErr := greetings(c1, c2, Config{Key: otherKey}, Config{Peer: testPublic})
			assert.ErrorIs(t, clientErr, ErrWrongAgent)
			assert.Error(t, agentErr)
			assert.NotErrorIs(t, agentErr, io.EOF)
		})
	}
}

// A client that claims the right key without having it. It learns so when its
// streams fail, whether it was reading or writing when the agent left.
func TestAgentRefusesAWrongSignature(t *testing.T) {
	forged := append(otherKey.Seed(), testPublic...)
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) {
			noLeaks(t)
			for range 50 {
				c1, c2 := link.make(t)
				agentErr := make(chan error, 1)
				go func() {
					_, err := Agent(context.Background(), c2, Config{Peer: testPublic})
					agentErr <- err
				}()
				client, err := Client(context.Background(), c1, Config{Key: forged})
				require.NoError(t, err)
				if st, err := client.Open(wire.KindTCP, ""); err == nil {
					st.Write(make([]byte, 100<<10))
					assertLost(t, st, wire.Unauthorized)
				}
				<-client.Done()
				var end *Error
				require.ErrorAs(t, client.Err(), &end)
				assert.Equal(t, wire.Unauthorized, end.Code)
				assert.True(t, end.Remote)
				assert.Equal(t, "peer ended the session: signature does not match the agent's key", end.Error())
				assert.ErrorContains(t, <-agentErr, "signature")
				client.Close()
			}
		})
	}
}

func TestAgentRefusesAReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replay bytes.Buffer
		c1, c2 := memPair(0, 0)
		client, agent, err, _ := greetings(&tap{c1, &replay}, c2, Config{Key: testKey}, Config{Peer: testPublic})
		require.NoError(t, err)
		_, err = client.Open(wire.KindTCP, "secret:1")
		require.NoError(t, err)
		client.Close()
		agent.Close()

		c1, c2 = memPair(0, 0)
		var agentErr error
		var wg sync.WaitGroup
		wg.Go(func() { _, agentErr = Agent(context.Background(), c2, Config{Peer: testPublic}) })
		_, err = c1.Write(replay.Bytes())
		require.NoError(t, err)
		_, _, err = readHello(c1, wire.RoleAgent)
		require.NoError(t, err)
		answer, err := io.ReadAll(c1)
		require.NoError(t, err)
		f, n, err := wire.Parse(answer)
		require.NoError(t, err)
		assert.Equal(t, wire.Unauthorized, f.(wire.GoAway).Code)
		assert.Len(t, answer, n, "only the GOAWAY")
		wg.Wait()
		assert.ErrorContains(t, agentErr, "signature")
	})
}

// tap writes what passes through Write to w too.
type tap struct {
	net.Conn
	w io.Writer
}

func (c *tap) Write(b []byte) (int, error) {
	c.w.Write(b)
	return c.Conn.Write(b)
}

// A peer of another version hears ours, and we say both. net.Pipe has no room:
// who writes waits until it is read.
func TestOtherVersion(t *testing.T) {
	other := func(role wire.Role) []byte {
		b := wire.Hello{Role: role, Auth: make([]byte, 200)}.Append(nil)
		binary.BigEndian.PutUint16(b[4:], 2)
		return b
	}
	const sentence = "wire: peer speaks version 2, this program speaks version 1"
	ends := map[string]struct {
		greet func(net.Conn) error
		peer  wire.Role
		want  string
	}{
		"agent is newer": {func(link net.Conn) error {
			_, err := Client(context.Background(), link, Config{Key: testKey})
			return err
		}, wire.RoleAgent, "greet agent: " + sentence},
		"client is newer": {func(link net.Conn) error {
			_, err := Agent(context.Background(), link, Config{Peer: testPublic})
			return err
		}, wire.RoleClient, "greet client: " + sentence},
	}
	for name, tt := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c1, c2 := net.Pipe()
				begin := time.Now()
				var err error
				var wg sync.WaitGroup
				wg.Go(func() { err = tt.greet(c1) })
				say := func() {
					_, err := c2.Write(other(tt.peer))
					assert.NoError(t, err)
				}
				prefix := make([]byte, wire.HelloPrefixLen)
				if tt.peer == wire.RoleAgent {
					say()
				}
				_, rerr := io.ReadFull(c2, prefix)
				require.NoError(t, rerr)
				rest := int64(binary.BigEndian.Uint16(prefix[6:]))
				_, rerr = io.CopyN(io.Discard, c2, rest)
				require.NoError(t, rerr)
				if tt.peer == wire.RoleClient {
					say()
				}
				wg.Wait()
				_, perr := wire.ParseHelloPrefix(prefix)
				assert.NoError(t, perr, "our greeting")
				assert.EqualError(t, err, tt.want)
				var version *wire.VersionError
				assert.ErrorAs(t, err, &version)
				assert.Zero(t, time.Since(begin))
			})
		})
	}
}

func TestNotAGreeting(t *testing.T) {
	hello := wire.Hello{Role: wire.RoleClient, Window: wire.MinWindow, Memory: wire.MinWindow, Auth: make([]byte, 64)}.Append(nil)
	tooLong := bytes.Clone(hello)
	binary.BigEndian.PutUint16(tooLong[6:], wire.MaxHello+1)
	wrongRole := wire.Hello{Role: wire.RoleAgent, Window: wire.MinWindow, Memory: wire.MinWindow, Auth: make([]byte, 40)}.Append(nil)
	for name, in := range map[string][]byte{
		"HTTP":       []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"TLS":        {22, 3, 1, 2, 0, 1, 0, 1},
		"zeros":      make([]byte, 100),
		"too long":   tooLong,
		"wrong role": wrongRole,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c1, c2 := memPair(0, 0)
				_, err := c2.Write(in)
				require.NoError(t, err)
				_, err = Agent(context.Background(), c1, Config{Peer: testPublic})
				var breach *wire.Error
				require.ErrorAs(t, err, &breach)
				assert.Equal(t, wire.ProtocolError, breach.Code)
			})
		})
	}
	for n := range len(hello) {
		c1, c2 := memPair(0, 0)
		_, err := c2.Write(hello[:n])
		require.NoError(t, err)
		c2.Close()
		_, err = Agent(context.Background(), c1, Config{Peer: testPublic})
		assert.Error(t, err)
		assert.NotErrorIs(t, err, io.EOF)
	}
}

func TestSilentPeerInTheGreeting(t *testing.T) {
	ends := map[string]func(context.Context, net.Conn) error{
		"client": func(ctx context.Context, link net.Conn) error {
			_, err := Client(ctx, link, Config{Key: testKey})
			return err
		},
		"agent": func(ctx context.Context, link net.Conn) error {
			_, err := Agent(ctx, link, Config{Peer: testPublic})
			return err
		},
	}
	for name, greet := range ends {
		t.Run(name, func(t *testing.T) {
			for link, room := range map[string]int{"reads nothing": 1, "says nothing": 0} {
				t.Run(link, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c1, c2 := memPair(0, room)
						begin := time.Now()
						err := greet(context.Background(), c1)
						assert.ErrorContains(t, err, "no greeting within 10s")
						assert.Equal(t, 10*time.Second, time.Since(begin))
						_, err = c2.Write([]byte("x"))
						assert.Error(t, err, "the link is closed")
					})
				})
			}
			t.Run("context ends", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c1, _ := memPair(0, 0)
					ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
					defer cancel()
					begin := time.Now()
					assert.ErrorIs(t, greet(ctx, c1), context.DeadlineExceeded)
					assert.Equal(t, 3*time.Second, time.Since(begin))
				})
			})
		})
	}
}
