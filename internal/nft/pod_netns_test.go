//go:build linux && netns

package nft

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fwdtools/fwd/internal/netnstest"
	"github.com/fwdtools/fwd/internal/sockets"
)

// Addresses of the pod and of a caller outside, which a veth pair joins.
const (
	pod4, pod6       = "10.9.0.2", "fd09::2"
	caller4, caller6 = "10.9.0.1", "fd09::1"
)

// bounded is how long a test waits for what must happen.
const bounded = 10 * time.Second

// inPod runs the rest of the test in a fresh network namespace that has an app
// on port 80 and a caller outside.
func inPod(t *testing.T, f func(p *pod)) {
	t.Helper()
	netnstest.Run(t, func() { f(newPod(t)) }, "nft", "ip")
}

// pod is the network namespace that the test is in.
type pod struct {
	t      *testing.T
	caller int // descriptor of the caller's network namespace
}

func newPod(t *testing.T) *pod {
	p := &pod{t: t}
	fdc := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread dies with its namespace
		fd := -1
		if unix.Unshare(unix.CLONE_NEWNET) == nil {
			fd, _ = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		fdc <- fd
	}()
	p.caller = <-fdc
	require.GreaterOrEqual(t, p.caller, 0)
	t.Cleanup(func() { unix.Close(p.caller) })
	other := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), p.caller)
	p.run("ip link set lo up")
	p.run("ip link add eth0 type veth peer name veth1")
	p.run("ip link set veth1 netns " + other)
	p.addresses("eth0", pod4, pod6)
	p.in(func() { p.run("ip link set lo up"); p.addresses("veth1", caller4, caller6) })
	return p
}

func (p *pod) addresses(dev, v4, v6 string) {
	p.run("ip link set " + dev + " up")
	p.run("ip addr add " + v4 + "/24 dev " + dev)
	p.run("ip addr add " + v6 + "/64 nodad dev " + dev)
}

// in runs f in the caller's namespace.
func (p *pod) in(f func()) {
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		if err := unix.Setns(p.caller, unix.CLONE_NEWNET); err != nil {
			panic(err)
		}
		f()
	})
	wg.Wait()
}

// run runs a command in the namespace of this thread.
func (p *pod) run(command string) string {
	args := strings.Fields(command)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("%s: %v: %s", command, err, out)) // not always on the test's goroutine
	}
	return string(out)
}

// settle waits until the kernel has done away with what rules had that are
// deleted. It does so before it drops an owned table.
func (p *pod) settle() {
	c, err := dial()
	require.NoError(p.t, err)
	require.NoError(p.t, c.create(&nftables.Table{Name: "settle", Family: nftables.TableFamilyINet}, owner))
	require.NoError(p.t, c.close())
	require.Eventually(p.t, func() bool { return !strings.Contains(p.ruleset(), "settle") }, bounded, time.Millisecond)
}

// ruleset is all there is in nftables. What it says of the owner's name is not
// the same everywhere.
func (p *pod) ruleset() string {
	out := p.run("nft list ruleset")
	lines := strings.Split(out, "\n")
	for i, l := range lines {
		lines[i], _, _ = strings.Cut(l, " # progname")
	}
	return strings.Join(lines, "\n")
}

// server greets each connection with its name, what was called and by whom, and
// then echoes lines behind its name.
type server struct {
	net.Listener
	name string
}

func newServer(t *testing.T, name, addr string) *server {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // as sockets.OriginalDst wants it
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	s := &server{ln, name}
	go s.serve()
	return s
}

func (p *pod) server(name, addr string) *server {
	p.t.Helper()
	return newServer(p.t, name, addr)
}

func (s *server) serve() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			dst, err := sockets.OriginalDst(c.(*net.TCPConn))
			fmt.Fprintln(c, s.name, dst, c.RemoteAddr(), err)
			for lines := bufio.NewScanner(c); lines.Scan(); {
				fmt.Fprintln(c, s.name, lines.Text())
			}
		}()
	}
}

func (s *server) port() uint16 { return uint16(s.Addr().(*net.TCPAddr).Port) }

// client is one connection to a server.
type client struct {
	net.Conn
	br     *bufio.Reader
	server string // that greeted
	dst    string // that it says was called
	caller string // that it says has called
}

// call connects and hears who greets.
func call(d net.Dialer, addr string) (*client, error) {
	d.Timeout = bounded
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn, br: bufio.NewReader(conn)}
	line, err := c.line()
	if f := strings.Fields(line); len(f) > 2 {
		c.server, c.dst, c.caller = f[0], f[1], f[2]
	}
	return c, err
}

func (c *client) line() (string, error) {
	c.SetReadDeadline(time.Now().Add(bounded))
	line, err := c.br.ReadString('\n')
	return strings.TrimSpace(line), err
}

// echo is what comes back for text.
func (c *client) echo(text string) string {
	if _, err := io.WriteString(c, text+"\n"); err != nil {
		return err.Error()
	}
	line, err := c.line()
	if err != nil {
		return err.Error()
	}
	return line
}

// open connects from inside or outside the pod and keeps the connection. The
// socket is marked unless mark is 0.
func (p *pod) open(outside bool, addr string, mark uint32) *client {
	p.t.Helper()
	var d net.Dialer
	if mark != 0 {
		d.Control = Control(mark)
	}
	return p.openBy(d, outside, addr)
}

func (p *pod) openBy(d net.Dialer, outside bool, addr string) *client {
	p.t.Helper()
	var (
		c   *client
		err error
	)
	if outside {
		p.in(func() { c, err = call(d, addr) })
	} else {
		c, err = call(d, addr)
	}
	require.NoError(p.t, err, "dial %s", addr)
	p.t.Cleanup(func() { c.Close() })
	return c
}

// ways are all that a port of the pod is called by.
var ways = []struct {
	name    string
	outside bool
	addr    string
}{
	{"IPv4 from outside", true, pod4},
	{"IPv6 from outside", true, pod6},
	{"IPv4 loopback", false, "127.0.0.1"},
	{"another loopback address", false, "127.7.7.7"},
	{"IPv6 loopback", false, "::1"},
	{"own IPv4 from inside", false, pod4},
	{"own IPv6 from inside", false, pod6},
}

// wantServed sees that all ways lead to who, who sees the addresses of both ends
// as the caller does.
func (p *pod) wantServed(who string) {
	p.t.Helper()
	for _, w := range ways {
		to := net.JoinHostPort(w.addr, "80")
		c := p.open(w.outside, to, 0)
		assert.Equal(p.t, who, c.server, w.name)
		assert.Equal(p.t, to, c.dst, w.name)
		assert.Equal(p.t, c.LocalAddr().String(), c.caller, w.name)
		assert.Equal(p.t, who+" hello", c.echo("hello"), w.name)
		c.Close()
	}
}

func (p *pod) steal(to *server, order int) *Redirect {
	r, err := New(Config{Port: 80, To: to.port(), Order: order})
	require.NoError(p.t, err)
	p.t.Cleanup(func() { assert.NoError(p.t, r.Close()) })
	return r
}

// say sends text from one end to the other.
func (p *pod) say(from, to net.Conn, text string) {
	p.t.Helper()
	_, err := io.WriteString(from, text)
	require.NoError(p.t, err)
	got := make([]byte, len(text))
	to.SetReadDeadline(time.Now().Add(bounded))
	_, err = io.ReadFull(to, got)
	require.NoError(p.t, err, text)
	assert.Equal(p.t, text, string(got))
}
