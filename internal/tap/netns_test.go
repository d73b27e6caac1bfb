//go:build linux && netns

package tap

import (
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fwdtools/fwd/internal/netnstest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// inNetns runs the rest of the test in a fresh network namespace.
func inNetns(t *testing.T, f func()) {
	t.Helper()
	netnstest.Run(t, f, "ip")
}

// ip runs ip(8) in the namespace of the calling thread.
func ip(lines ...string) error {
	for _, line := range lines {
		out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	return nil
}

// elsewhere is a second namespace, joined to this one by a veth pair: here is
// 10.9.0.2 and fd09::2, there 10.9.0.1 and fd09::1.
type elsewhere struct {
	do chan func()
}

func newElsewhere(t testing.TB) *elsewhere {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed")
	}
	e := &elsewhere{do: make(chan func())}
	tid := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			tid <- -1
			return
		}
		tid <- unix.Gettid()
		for f := range e.do {
			f()
		}
	}()
	id := <-tid
	require.Positive(t, id)
	t.Cleanup(func() { close(e.do) })
	require.NoError(t, ip("link set lo up",
		"link add veth0 type veth peer name veth1",
		"link set veth1 netns "+strconv.Itoa(id),
		"addr add 10.9.0.2/24 dev veth0",
		"addr add fd09::2/64 dev veth0 nodad",
		"link set veth0 up"))
	require.NoError(t, e.run(func() error {
		return ip("link set lo up",
			"addr add 10.9.0.1/24 dev veth1",
			"addr add fd09::1/64 dev veth1 nodad",
			"link set veth1 up")
	}))
	return e
}

// run calls f on a thread of the other namespace. Sockets that f makes itself
// stay there.
func (e *elsewhere) run(f func() error) error {
	done := make(chan error)
	e.do <- func() { done <- f() }
	return <-done
}

// dial connects from there.
func (e *elsewhere) dial(addr string) (c net.Conn, err error) {
	err = e.run(func() (err error) {
		c, err = net.Dial("tcp", addr)
		return err
	})
	return c, err
}

// anyPort listens in this namespace.
func anyPort() (net.Listener, error) { return net.Listen("tcp", ":0") }

// here connects from this namespace.
func here(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }

// copies is a tap's New, for tests that look on from another goroutine.
type copies struct {
	mu  sync.Mutex
	all []*copied // guarded by mu
}

type locked struct {
	*copied
	mu *sync.Mutex
}

func (l locked) Write(b []byte) { l.mu.Lock(); defer l.mu.Unlock(); l.copied.Write(b) }
func (l locked) End(err error)  { l.mu.Lock(); defer l.mu.Unlock(); l.copied.End(err) }

func (c *copies) New(f Flow) Sink {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &copied{Flow: f}
	c.all = append(c.all, one)
	return locked{one, &c.mu}
}

// of is the copy of the connection whose caller's end is c.
func (c *copies) of(conn net.Conn) string { return c.from(conn.LocalAddr().String()) }

func (c *copies) from(caller string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.all) - 1; i >= 0; i-- {
		if c.all[i].Caller.String() == caller {
			return c.all[i].String()
		}
	}
	return ""
}

func (c *copies) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// open starts a tap that lasts as long as the test.
func (c *copies) open(t testing.TB, port int) *Tap {
	tap, stop := run(t, port, c.New)
	t.Cleanup(stop)
	return tap
}

func eventually(t testing.TB, want string, got func() string) {
	t.Helper()
	if !assert.Eventually(t, func() bool { return got() == want }, 10*time.Second, time.Millisecond) {
		assert.Equal(t, want, got())
	}
}

// echo serves a port until the test is over: it answers everything with itself.
func echo(t testing.TB, listen func() (net.Listener, error)) int {
	ln, err := listen()
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 64<<10)
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					if _, err := c.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port
}
