package deliver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// listenOn is a listener whose connections the test serves one by one.
func listenOn(t *testing.T, network, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln
}

func accept(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	conn, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// joined waits until a connection is joined with its destination.
func joined(t *testing.T, st *session.Stream) {
	t.Helper()
	_, err := st.Connected(context.Background())
	require.NoError(t, err)
}

func TestAnswersOfALocalAddress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	tcp, unix := listenOn(t, "tcp", "127.0.0.1:0"), listenOn(t, "unix", path)
	for _, tt := range []struct {
		ln net.Listener
		to Destination
	}{{tcp, TCP(tcp.Addr().String())}, {unix, Unix(path)}} {
		t.Run(tt.to.String(), func(t *testing.T) {
			p := newPod(t)
			stop := p.serving(steal(tt.to))
			st := p.call(p.capture(0))
			conn := accept(t, tt.ln)
			io.WriteString(conn, "banner") // it may speak first
			_, err := io.ReadFull(st, make([]byte, 6))
			require.NoError(t, err)
			reached, err := st.Connected(context.Background())
			require.NoError(t, err)
			assert.Equal(t, tt.to.String(), reached)

			io.WriteString(st, "question")
			require.NoError(t, st.CloseWrite())
			got, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.Equal(t, "question", string(got))
			io.WriteString(conn, "answer")
			conn.Close()
			got, err = io.ReadAll(st)
			require.NoError(t, err)
			assert.Equal(t, "answer", string(got))
			stop()
			assert.Equal(t, 1, strings.Count(p.log.String(), "\n"), "of its beginning, not of its end: %s", &p.log)
		})
	}
}

func TestResetsTravelBothWays(t *testing.T) {
	p := newPod(t)
	ln := listenOn(t, "tcp", "127.0.0.1:0")
	p.serving(steal(TCP(ln.Addr().String())))

	st := p.call(p.capture(0))
	conn := accept(t, ln)
	joined(t, st)
	st.Reset(wire.ConnReset, "")
	_, err := conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)

	st = p.call(p.capture(0))
	joined(t, st)
	relay.TCP{TCPConn: accept(t, ln).(*net.TCPConn)}.Abort(nil)
	_, err = st.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

// Why the local side does not answer is said once, until it is another reason or
// it does.
func TestFailureIsSaidOnce(t *testing.T) {
	p := newPod(t)
	path := filepath.Join(t.TempDir(), "socket")
	stop := p.serving(steal(Unix(path)))
	fail := func(code wire.Code) {
		for range 3 {
			_, err := p.call(p.capture(0)).Read(make([]byte, 1))
			var reset *session.ResetError
			require.ErrorAs(t, err, &reset)
			assert.Equal(t, code, reset.Code, reset.Text)
		}
	}
	fail(wire.InternalError)
	ln := listenOn(t, "unix", path)
	st := p.call(p.capture(0))
	accept(t, ln).Close()
	_, err := st.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	st.Close()
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	fail(wire.ConnRefused)
	stop()
	assert.Equal(t, 1, strings.Count(p.log.String(), "80 -> unix:"+path+": connect: no such file or directory"), p.log.String())
	assert.Equal(t, 1, strings.Count(p.log.String(), "80 -> unix:"+path+": connect: connection refused"), p.log.String())
}

func TestProxyProtocol(t *testing.T) {
	for _, tt := range []struct{ caller, local string }{
		{"10.1.0.7:4711", "10.1.0.9:80"},
		{"[fd00::7]:4711", "[fd00::9]:80"},
		{"[fe80::7%eth0]:4711", "[fe80::9%eth0]:80"},
		{"[::ffff:10.1.0.7]:4711", "[::ffff:10.1.0.9]:80"},
	} {
		var b strings.Builder
		require.NoError(t, writeProxyHeader(&b, netip.MustParseAddrPort(tt.caller), netip.MustParseAddrPort(tt.local)))
		h, err := proxyproto.Read(bufio.NewReader(strings.NewReader(b.String())))
		require.NoError(t, err)
		plain := strings.NewReplacer("%eth0", "", "[::ffff:10.1.0.7]", "10.1.0.7", "[::ffff:10.1.0.9]", "10.1.0.9").Replace
		assert.Equal(t, plain(tt.caller), h.SourceAddr.String())
		assert.Equal(t, plain(tt.local), h.DestinationAddr.String())
		assert.EqualValues(t, 2, h.Version)
	}

	p := newPod(t)
	ln := listenOn(t, "tcp", "127.0.0.1:0")
	r := steal(TCP(ln.Addr().String()))
	r.ProxyProtocol = true
	p.serving(r)
	st := p.call(p.capture(0))
	io.WriteString(st, "first")
	st.CloseWrite()
	br := bufio.NewReader(accept(t, ln))
	h, err := proxyproto.Read(br)
	require.NoError(t, err)
	assert.Equal(t, caller.String(), h.SourceAddr.String())
	got, err := io.ReadAll(br)
	require.NoError(t, err)
	assert.Equal(t, "first", string(got))
}

func mirrored(to Destination) Route { return Route{Port: 80, Mode: wire.Mirror, To: to} }

func TestMirrorDropsAnswers(t *testing.T) {
	p := newPod(t)
	ln := listenOn(t, "tcp", "127.0.0.1:0")
	p.serving(mirrored(TCP(ln.Addr().String())))
	st := p.call(p.capture(0))
	conn := accept(t, ln)
	big := strings.Repeat("answer", 1<<20)
	_, err := io.WriteString(conn, big)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	io.WriteString(st, "question")
	st.CloseWrite()
	got, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "question", string(got), "the end of the answer is not that of the copy")
	got, err = io.ReadAll(st)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestMirrorEndsQuietlyWithTheLocalSide(t *testing.T) {
	p := newPod(t)
	ln := listenOn(t, "tcp", "127.0.0.1:0")
	stop := p.serving(mirrored(TCP(ln.Addr().String())))
	st := p.call(p.capture(0))
	joined(t, st)
	relay.TCP{TCPConn: accept(t, ln).(*net.TCPConn)}.Abort(nil)
	for {
		if _, err := st.Write([]byte("x")); err != nil {
			var reset *session.ResetError
			require.ErrorAs(t, err, &reset)
			assert.Equal(t, wire.Canceled, reset.Code)
			break
		}
	}
	stop()
	for _, level := range []string{"info", "warn", "error"} {
		assert.NotContains(t, p.log.String(), `"level":"`+level)
	}
}

func TestLossesAreSaid(t *testing.T) {
	p := newPod(t)
	ln := listenOn(t, "tcp", "127.0.0.1:0")
	stop := p.serving(mirrored(TCP(ln.Addr().String())))
	for range 4 {
		st := p.call(p.capture(0))
		conn := accept(t, ln)
		io.WriteString(st, "half")
		_, err := io.ReadFull(conn, make([]byte, 4))
		require.NoError(t, err)
		st.Reset(wire.DataLost, "12 bytes were not seen")
		_, err = conn.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET, "it does not look like an end of data")
	}
	assert.Eventually(t, func() bool { return strings.Count(p.log.String(), "12 bytes were not seen") > 0 }, 10*time.Second, time.Millisecond)
	note := p.capture(0).cfg.Note
	note(wire.Note{Connections: 5, Lost: 1})
	note(wire.Note{Connections: 9, Lost: 4, Dropped: 17}) // soon after
	note(wire.Note{Warning: "nothing listens on port 80"})
	note(wire.Note{Warning: "nothing listens on port 80"})
	stop()
	assert.Equal(t, 1, strings.Count(p.log.String(), "copy of a connection from 10.1.0.7:4711 broke off: 12 bytes were not seen"))
	assert.Contains(t, p.log.String(), `"level":"warn","message":"80 -> `+ln.Addr().String()+`: 5 connections, the copies of 1 lost; 0 packets dropped"`)
	assert.Contains(t, p.log.String(), `"level":"warn","message":"80 -> `+ln.Addr().String()+`: 9 connections, the copies of 4 lost; 17 packets dropped"`)
	assert.Equal(t, 1, strings.Count(p.log.String(), "nothing listens on port 80"))
}

// stuck is a destination that never opens.
type stuck struct{}

func (stuck) String() string { return "stuck" }

func (stuck) Open(ctx context.Context, _, _ netip.AddrPort) (relay.Conn, error) {
	<-ctx.Done()
	return nil, errors.Join(ctx.Err())
}

func TestCallerThatWaitsMayLeave(t *testing.T) {
	p := newPod(t)
	stop := p.serving(steal(stuck{}))
	st := p.call(p.capture(0))
	st.Reset(wire.ConnReset, "")
	assert.Eventually(t, func() bool { return p.client.Streams() == 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stop())
	assert.NotContains(t, p.log.String(), "error")
}
