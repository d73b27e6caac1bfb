package agent

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/pinned"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// second is an agent's second port.
type second struct {
	addr string
	path string
	key  ed25519.PublicKey
}

// request is what the API server makes of a client's.
func (p second) request() string {
	return "GET " + p.path + " HTTP/1.1\r\nHost: 10.1.0.9\r\nX-Forwarded-Uri: /x\r\nConnection: Upgrade\r\nUpgrade: fwd\r\n\r\n"
}

// second asks the agent for its second port.
func (r running) second(t *testing.T) second {
	t.Helper()
	st, err := r.session(t).Open(wire.KindControl, "proxy")
	require.NoError(t, err)
	defer st.Close()
	where, err := st.Connected(context.Background())
	require.NoError(t, err)
	port, text, _ := strings.Cut(where, " ")
	key, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return second{addr: "127.0.0.1:" + port, path: "/" + text, key: key}
}

// upgrade asks for the upgrade, as an API server does.
func (p second) upgrade(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	require.NoError(t, err)
	_, err = io.WriteString(conn, p.request())
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(t, "fwd", resp.Header.Get("Upgrade"))
	return conn
}

// session opens one on the second port.
func (p second) session(t *testing.T, r running) *session.Session {
	t.Helper()
	sealed, err := pinned.Client(context.Background(), p.upgrade(t), r.key, p.key)
	require.NoError(t, err)
	s, err := session.Client(context.Background(), sealed, session.Config{Key: r.key})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSecondPortServesTheClient(t *testing.T) {
	r := run(t, time.Minute)
	p := r.second(t)
	assert.Equal(t, p, r.second(t), "it is opened once")
	addr := backend(t, func(c *net.TCPConn) {
		defer c.Close()
		io.Copy(c, c)
	})
	for range 2 {
		st, err := p.session(t, r).Dial(context.Background(), wire.KindTCP, addr)
		require.NoError(t, err)
		io.WriteString(st, "hello")
		require.NoError(t, st.CloseWrite())
		got, err := io.ReadAll(st)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(got))
	}
	_, err := p.session(t, r).Dial(context.Background(), wire.KindControl, "stop")
	require.NoError(t, err)
	require.NoError(t, <-r.done)
	_, err = net.Dial("tcp", p.addr)
	assert.Error(t, err, "the port ends with the agent")
}

func TestUnknownWordIsRefused(t *testing.T) {
	_, err := run(t, time.Minute).session(t).Dial(context.Background(), wire.KindControl, "fly")
	var reset *session.ResetError
	require.ErrorAs(t, err, &reset)
	assert.Equal(t, wire.Unsupported, reset.Code)
}

func TestSecondPortTurnsStrangersAway(t *testing.T) {
	r := run(t, time.Minute)
	p := r.second(t)
	for _, tt := range []struct{ name, say string }{
		{"garbage", "\x16\x03\x01\x00\x00 what\r\n\r\n"},
		{"a line without end", strings.Repeat("x", requestSize)},
		{"headers without end", "GET " + p.path + " HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", requestSize/6)},
		{"no key", strings.Replace(p.request(), p.path, "/", 1)},
		{"another key", strings.Replace(p.request(), p.path, "/"+strings.Repeat("A", len(p.path)-1), 1)},
		{"the key and more", strings.Replace(p.request(), p.path, p.path+"/x", 1)},
		{"another method", strings.Replace(p.request(), "GET", "POST", 1)},
		{"another version", strings.Replace(p.request(), "HTTP/1.1", "HTTP/1.0", 1)},
		{"no upgrade", "GET " + p.path + " HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"an upgrade to another protocol", strings.Replace(p.request(), "Upgrade: fwd", "Upgrade: websocket", 1)},
		{"what does not wait for an answer", p.request() + "\x16"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", p.addr)
			require.NoError(t, err)
			defer conn.Close()
			io.WriteString(conn, tt.say) // it may be closed meanwhile
			conn.SetReadDeadline(time.Now().Add(strangerTime / 2))
			n, err := io.Copy(io.Discard, conn)
			assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "was not closed")
			assert.Zero(t, n, "bytes that a stranger hears")
		})
	}
	t.Run("the path and no TLS", func(t *testing.T) {
		conn := p.upgrade(t)
		defer conn.Close()
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		conn.SetReadDeadline(time.Now().Add(strangerTime / 2))
		_, err = io.Copy(io.Discard, conn)
		assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "was not closed")
	})
	t.Run("the path and another's key", func(t *testing.T) {
		_, key, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		sealed, err := pinned.Client(context.Background(), p.upgrade(t), key, p.key)
		require.NoError(t, err, "the server's answer to the key comes later")
		defer sealed.Close()
		sealed.SetReadDeadline(time.Now().Add(strangerTime / 2))
		n, err := io.Copy(io.Discard, sealed)
		assert.Error(t, err)
		assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "was not closed")
		assert.Zero(t, n, "bytes that a stranger hears")
	})
	assert.NoError(t, p.session(t, r).Err(), "the client is served still")
}

// The cluster's network reaches the second port, so what comes there must take
// no place of who comes by the pod's loopback.
func TestStrangersAtTheSecondPortKeepNobodyOut(t *testing.T) {
	r := run(t, time.Minute)
	p := r.second(t)
	early, err := net.Dial("tcp", r.addr)
	require.NoError(t, err)
	const many = lobbySize + strangerBurst/2
	var strangers []net.Conn
	for range many {
		conn, err := net.Dial("tcp", p.addr)
		require.NoError(t, err)
		defer conn.Close()
		strangers = append(strangers, conn)
	}
	for i, conn := range strangers[:many-lobbySize] {
		conn.SetReadDeadline(time.Now().Add(strangerTime / 2))
		_, err := io.Copy(io.Discard, conn)
		require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "stranger %d is still there", i)
	}
	assert.NoError(t, p.session(t, r).Err())
	s, err := session.Client(context.Background(), early, session.Config{Key: r.key})
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Dial(context.Background(), wire.KindControl, "proxy")
	assert.NoError(t, err, "who waits at the other port was not sent away")
}

func TestStrangersThatFailOftenAreNotHeard(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs 127.0.0.2, which only Linux has without set-up")
	}
	r := run(t, time.Minute)
	p := r.second(t)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	answered := func(request string) bool {
		conn, err := from.Dial("tcp", p.addr)
		require.NoError(t, err)
		defer conn.Close()
		io.WriteString(conn, request)
		conn.SetReadDeadline(time.Now().Add(strangerTime / 2))
		_, err = io.ReadFull(conn, make([]byte, 1))
		require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "was not closed")
		return err == nil
	}
	assert.True(t, answered(p.request()))
	for end := time.Now().Add(10 * time.Second); answered(p.request()); {
		require.True(t, time.Now().Before(end), "it is heard still")
		answered("garbage\r\n\r\n")
	}
	assert.NoError(t, p.session(t, r).Err(), "another address")
}

// apart is an agent with a second port, without the port.
func apart(t *testing.T) (a *Agent, client ed25519.PrivateKey, p second) {
	t.Helper()
	cpub, ckey, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	apub, akey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	name := base64.RawURLEncoding.EncodeToString(apub)
	a = &Agent{cfg: Config{Key: cpub}}
	a.proxy.key, a.proxy.name = akey, name
	return a, ckey, second{path: "/" + name, key: apub}
}

func TestSlowStrangersAreCutOff(t *testing.T) {
	a, _, p := apart(t)
	for name, say := range map[string]func(conn net.Conn){
		"says nothing": func(net.Conn) {},
		"says a byte now and then": func(conn net.Conn) {
			for _, b := range []byte(p.request()) {
				time.Sleep(time.Second)
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		},
		"does not read the answer": func(conn net.Conn) { io.WriteString(conn, p.request()) },
		"says nothing after the answer": func(conn net.Conn) {
			io.WriteString(conn, p.request())
			http.ReadResponse(bufio.NewReader(conn), nil)
		},
		"says half a hello": func(conn net.Conn) {
			io.WriteString(conn, p.request())
			http.ReadResponse(bufio.NewReader(conn), nil)
			conn.Write([]byte{22, 3, 1, 1, 0, 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				saidc := make(chan struct{})
				go func() {
					defer close(saidc)
					say(here)
				}()
				begin := time.Now()
				_, err := a.upgrade(context.Background(), there)
				assert.Error(t, err)
				assert.Equal(t, strangerTime, time.Since(begin))
				there.Close()
				<-saidc
			})
		})
	}
}

func TestUpgradeEndsWithTheAgent(t *testing.T) {
	a, _, _ := apart(t)
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer here.Close()
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		_, err := a.upgrade(ctx, there)
		assert.Error(t, err)
		assert.Equal(t, time.Second, time.Since(begin))
	})
}

// What bounds a stranger does not bound the client that it turned out to be.
func TestUpgradedLinkHasNoDeadline(t *testing.T) {
	a, ckey, p := apart(t)
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		errc := make(chan error, 1)
		go func() {
			errc <- func() error {
				io.WriteString(here, p.request())
				if _, err := http.ReadResponse(bufio.NewReader(here), nil); err != nil {
					return err
				}
				sealed, err := pinned.Client(context.Background(), here, ckey, p.key)
				if err != nil {
					return err
				}
				time.Sleep(2 * strangerTime)
				_, err = fmt.Fprint(sealed, "hello")
				return err
			}()
		}()
		link, err := a.upgrade(context.Background(), there)
		require.NoError(t, err)
		got := make([]byte, 5)
		_, err = io.ReadFull(link, got)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(got))
		require.NoError(t, <-errc)
		link.Close()
		here.Close()
	})
}
