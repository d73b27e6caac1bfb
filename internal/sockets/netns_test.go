//go:build linux && netns

package sockets

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/fwdtools/fwd/internal/netnstest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestNetnsListening(t *testing.T) {
	for _, tt := range []struct {
		addr string
		want bool
	}{
		{":80", true}, {"127.0.0.1:80", true}, {"127.9.9.9:80", true}, {"[::1]:80", true}, {"0.0.0.0:80", true}, {":8000", false},
	} {
		t.Run(tt.addr, func(t *testing.T) {
			inNetns(t, func() {
				ln, err := net.Listen("tcp", tt.addr)
				require.NoError(t, err)
				got, err := Listening(80)
				require.NoError(t, err)
				assert.Equal(t, tt.want, got)
				require.NoError(t, ln.Close())
				got, err = Listening(80)
				require.NoError(t, err)
				assert.False(t, got)
			})
		})
	}
}

func TestNetnsResetEstablished(t *testing.T) {
	inNetns(t, func() {
		app, err := net.Listen("tcp", ":80")
		require.NoError(t, err)
		other, err := net.Listen("tcp", ":81")
		require.NoError(t, err)
		pair := func(ln net.Listener, addr string) (caller, server *net.TCPConn) {
			c, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			s, err := ln.Accept()
			require.NoError(t, err)
			return c.(*net.TCPConn), s.(*net.TCPConn)
		}
		var ends []*net.TCPConn // each of them is to see a reset
		for _, addr := range []string{"127.0.0.1:80", "[::1]:80", "127.3.3.3:80"} {
			c, s := pair(app, addr)
			ends = append(ends, c, s)
		}
		c, s := pair(app, "127.0.0.1:80") // the app is still answering
		require.NoError(t, c.CloseWrite())
		_, err = s.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		ends = append(ends, c)
		waiting, err := net.Dial("tcp", "[::1]:80") // not yet accepted
		require.NoError(t, err)
		ends = append(ends, waiting.(*net.TCPConn))

		spared, sparedServer := pair(other, "127.0.0.1:81")
		n, err := ResetEstablished(80)
		require.NoError(t, err)
		assert.Equal(t, 5, n)
		for i, c := range ends {
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, err := c.Read(make([]byte, 1))
			assert.Truef(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED), "end %d sees %v", i, err)
		}
		say(t, spared, sparedServer)
		say(t, sparedServer, spared)

		accepted, err := app.Accept() // the one that waited
		require.NoError(t, err)
		accepted.Close()
		c, s = pair(app, "127.0.0.1:80")
		say(t, c, s)
		n, err = ResetEstablished(80)
		require.NoError(t, err)
		assert.Equal(t, 1, n, "the listener is there as before, and of the first ones nothing is left")
	})
}

func TestNetnsResetEstablishedOfMany(t *testing.T) {
	const many = 500 // more than one answer of the kernel holds
	inNetns(t, func() {
		app, err := net.Listen("tcp", ":80")
		require.NoError(t, err)
		var conns []net.Conn
		for range many {
			c, err := net.Dial("tcp", "127.0.0.1:80")
			require.NoError(t, err)
			_, err = app.Accept()
			require.NoError(t, err)
			conns = append(conns, c)
		}
		n, err := ResetEstablished(80)
		require.NoError(t, err)
		assert.Equal(t, many, n)
		for _, c := range conns {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ECONNRESET)
		}
	})
}

// A connection whose handshake is not over is not stolen either.
func TestNetnsResetDuringTheHandshake(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip(err)
	}
	inNetns(t, func() {
		nft := func(args ...string) {
			out, err := exec.Command("nft", args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		app, err := net.Listen("tcp", "127.0.0.1:80")
		require.NoError(t, err)
		defer app.Close()
		nft("add table inet lossy")
		nft("add chain inet lossy output { type filter hook output priority 0; }")
		nft("add rule inet lossy output tcp dport 80 tcp flags & (syn|ack) == ack drop")
		c, err := net.Dial("tcp", "127.0.0.1:80") // only the app does not know yet
		require.NoError(t, err)
		n, err := ResetEstablished(80)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		nft("delete table inet lossy")
		c.SetDeadline(time.Now().Add(10 * time.Second))
		_, err = c.Write([]byte{'!'})
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

// TestNetnsHelper is what TestNetnsResetWithoutPrivilege runs as nobody.
func TestNetnsHelper(t *testing.T) {
	port, err := strconv.ParseUint(os.Getenv("FWD_TEST_RESET"), 10, 16)
	if err != nil {
		t.Skip("it is no test of its own")
	}
	n, err := ResetEstablished(uint16(port))
	fmt.Println(n, errors.Is(err, fs.ErrPermission), err)
}

func TestNetnsResetWithoutPrivilege(t *testing.T) {
	inNetns(t, func() {
		app, err := net.Listen("tcp", ":80")
		require.NoError(t, err)
		c, err := net.Dial("tcp", "127.0.0.1:80")
		require.NoError(t, err)
		s, err := app.Accept()
		require.NoError(t, err)
		cmd := exec.Command("/proc/self/exe", "-test.run", "^TestNetnsHelper$")
		cmd.Env = append(os.Environ(), "FWD_TEST_RESET=80")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("it takes root to become nobody: %v", err)
		}
		assert.Contains(t, string(out), "0 true reset connections of port 80: netlink receive: operation not permitted")
		say(t, c, s)
	})
}

// say sends a byte from one end to the other.
func say(t *testing.T, from, to net.Conn) {
	t.Helper()
	_, err := from.Write([]byte{'!'})
	require.NoError(t, err)
	to.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err = to.Read(make([]byte, 1))
	require.NoError(t, err)
}

// inNetns runs the rest of the test in a fresh network namespace with loopback.
func inNetns(t *testing.T, f func()) {
	t.Helper()
	netnstest.Run(t, func() { loopbackUp(t); f() })
}

// loopbackUp makes the loopback interface work, which a fresh namespace has
// down.
func loopbackUp(t *testing.T) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	require.NoError(t, err)
	req.SetUint16(unix.IFF_UP)
	require.NoError(t, unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req))
}
