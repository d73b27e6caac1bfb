package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/route"
)

func parse(t *testing.T, args ...string) (locals []route.Local) {
	t.Helper()
	for _, arg := range args {
		l, err := route.ParseLocal(arg)
		require.NoError(t, err)
		locals = append(locals, l)
	}
	return locals
}

// log is a log that tests can read while it is written.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serving serves one route with dial until the test ends.
func serving(t *testing.T, dial DialFunc) (addr string, out *log, stop func() error) {
	t.Helper()
	routes, err := Bind(context.Background(), parse(t, "0:far:80"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	out = &log{}
	errc := make(chan error, 1)
	go func() { errc <- Serve(ctx, zerolog.New(out), routes, dial) }()
	stop = sync.OnceValue(func() error { cancel(); return <-errc })
	t.Cleanup(func() { stop() })
	return routes[0].ln.Addr().String(), out, stop
}

// tcp dials a real connection, which a far side is.
func tcp(addr string) DialFunc {
	return func(ctx context.Context, address string) (relay.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return relay.TCP{TCPConn: conn.(*net.TCPConn)}, nil
	}
}

// echo is the address of a server that echoes.
func echo(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestBindIsAllOrNothing(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free.Close()
	port := func(ln net.Listener) int { return ln.Addr().(*net.TCPAddr).Port }

	_, err = Bind(context.Background(), parse(t, fmt.Sprintf("%d:h:80", port(free)), fmt.Sprintf("%d:h:80", port(busy))))
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.Contains(t, err.Error(), fmt.Sprintf("-L 127.0.0.1:%d:h:80: ", port(busy)))

	again, err := net.Listen("tcp", free.Addr().String())
	require.NoError(t, err, "the first port was given back")
	again.Close()
}

func TestServeJoinsConnections(t *testing.T) {
	addr, _, stop := serving(t, tcp(echo(t)))
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	io.WriteString(conn, "hello")
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(got))
	assert.NoError(t, stop())
}

func TestFailedDialResetsItsConnectionAlone(t *testing.T) {
	far := tcp(echo(t))
	fail := make(chan bool, 2)
	addr, out, _ := serving(t, func(ctx context.Context, address string) (relay.Conn, error) {
		if <-fail {
			return nil, errors.New("no way to the pod")
		}
		return far(ctx, address)
	})
	fail <- false
	good, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer good.Close()
	io.WriteString(good, "x")
	_, err = io.ReadFull(good, make([]byte, 1))
	require.NoError(t, err)

	fail <- true
	bad, err := net.Dial("tcp", addr)
	if err == nil { // else the reset was faster
		defer bad.Close()
		_, err = bad.Read(make([]byte, 1))
	}
	assert.ErrorIs(t, err, syscall.ECONNRESET)

	io.WriteString(good, "y")
	_, err = io.ReadFull(good, make([]byte, 1))
	assert.NoError(t, err, "the other one goes on")
	good.Close()
	assert.Eventually(t, func() bool { // the reset comes before the line
		return strings.Contains(out.String(), "-> far:80: no way to the pod")
	}, 10*time.Second, time.Millisecond)
}

func TestEndOfServeResetsConnections(t *testing.T) {
	addr, _, stop := serving(t, tcp(echo(t)))
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	io.WriteString(conn, "x")
	_, err = io.ReadFull(conn, make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, stop())
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = net.Dial("tcp", addr)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}
