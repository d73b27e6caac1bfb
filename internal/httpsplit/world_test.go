package httpsplit

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a caller with an app and a client beyond Split.
type world struct {
	t      *testing.T
	cfg    Config
	caller *net.TCPConn // its end
	donec  chan error   // gets what Split returned
	drainc chan struct{}

	mu      sync.Mutex
	heard   map[string]*bytes.Buffer // guarded by mu; what each side was sent
	opened  map[string]int           // guarded by mu
	matches int                      // guarded by mu
	wg      sync.WaitGroup
}

// alice is what the client is meant to get.
var alice = wire.Filter{Header: &wire.HeaderFilter{Name: "x-user", Value: "^alice$"}}

func newWorld(t *testing.T, app, client func(net.Conn)) *world {
	t.Helper()
	filter, err := httpfilter.Compile(&alice)
	require.NoError(t, err)
	w := &world{t: t, donec: make(chan error, 1), drainc: make(chan struct{}), heard: map[string]*bytes.Buffer{}, opened: map[string]int{}}
	w.cfg = Config{
		Filter: filter,
		App:    func() (relay.Conn, error) { return w.open("app", app) },
		Client: func() (relay.Conn, error) { return w.open("client", client) },
		Drain:  w.drainc,
		Matched: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.matches++
		},
	}
	return w
}

// begin starts Split.
func (w *world) begin() *world {
	w.t.Helper()
	far, near := pair(w.t)
	w.caller = far
	require.NoError(w.t, far.SetDeadline(time.Now().Add(10*time.Second)))
	go func() { w.donec <- Split(relay.TCP{TCPConn: near}, w.cfg) }()
	w.t.Cleanup(func() {
		far.Close()
		select {
		case <-w.donec:
		case <-time.After(10 * time.Second):
			w.t.Error("Split does not return")
		}
		w.wg.Wait()
	})
	return w
}

func (w *world) open(name string, serve func(net.Conn)) (relay.Conn, error) {
	w.mu.Lock()
	w.opened[name]++
	w.mu.Unlock()
	if serve == nil {
		return nil, fmt.Errorf("%s refuses", name)
	}
	far, near := pair(w.t)
	w.wg.Go(func() {
		defer far.Close()
		serve(recorded{far, w, name})
	})
	return relay.TCP{TCPConn: near}, nil
}

// recorded keeps what was read.
type recorded struct {
	*net.TCPConn
	w    *world
	name string
}

func (r recorded) Read(b []byte) (int, error) {
	n, err := r.TCPConn.Read(b)
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	if r.w.heard[r.name] == nil {
		r.w.heard[r.name] = new(bytes.Buffer)
	}
	r.w.heard[r.name].Write(b[:n])
	return n, err
}

func (w *world) got(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heard[name] == nil {
		return ""
	}
	return w.heard[name].String()
}

func (w *world) opens(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened[name]
}

// say writes as the caller.
func (w *world) say(text string) {
	w.t.Helper()
	_, err := io.WriteString(w.caller, text)
	require.NoError(w.t, err)
}

// hear reads exactly text as the caller.
func (w *world) hear(text string) {
	w.t.Helper()
	b := make([]byte, len(text))
	n, err := io.ReadFull(w.caller, b)
	require.Equal(w.t, text, string(b[:n]))
	require.NoError(w.t, err)
}

// hearEnd reads the end of data.
func (w *world) hearEnd() {
	w.t.Helper()
	b, err := io.ReadAll(w.caller)
	require.NoError(w.t, err)
	require.Empty(w.t, string(b))
}

// quiet tells that the client's connection is known to have ended.
func (w *world) quiet() bool {
	time.Sleep(time.Millisecond)
	return true
}

func tcp(c *net.TCPConn) relay.Conn { return relay.TCP{TCPConn: c} }

func newConnReader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// pair is two ends of a TCP connection.
func pair(t *testing.T) (far, near *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	d, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); d.Close() })
	return c.(*net.TCPConn), d.(*net.TCPConn)
}

// server answers each request with its name, the method, the path and the body.
func server(name string) func(net.Conn) {
	return func(conn net.Conn) {
		br := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if r.Header.Get("Expect") != "" {
				io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			io.WriteString(conn, answered(name, r.Method, r.URL.Path, string(body)))
		}
	}
}

// answered is what server answers.
func answered(name, method, path, body string) string {
	text := fmt.Sprintf("%s %s %s %s", name, method, path, body)
	if method == "HEAD" {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(text))
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// sink hears to the end, and says then how much that was.
func sink(conn net.Conn) {
	n, err := io.Copy(io.Discard, struct{ io.Reader }{conn})
	if err == nil {
		fmt.Fprintf(conn, "%d bytes", n)
	}
}

// assertAppGetsAll asserts that what a caller says reaches the app as it is,
// and the client none of it.
func assertAppGetsAll(t *testing.T, text string) {
	t.Helper()
	w := newWorld(t, sink, nil).begin()
	w.say(text)
	require.NoError(t, w.caller.CloseWrite())
	_, err := io.ReadAll(w.caller)
	require.NoError(t, err)
	assert.Equal(t, text, w.got("app"))
	assert.Zero(t, w.opens("client"))
}
