//go:build linux && netns

package agent

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fwdtools/fwd/internal/netnstest"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// The pod's addresses, and those of a caller outside.
const (
	pod4, pod6       = "10.9.0.2", "fd09::2"
	caller4, caller6 = "10.9.0.1", "fd09::1"
)

// bounded is how long a test waits for what must happen.
const bounded = 10 * time.Second

// podNetns is the network namespace that the test is in, with a caller outside.
type podNetns struct {
	t      *testing.T
	caller int // descriptor of the caller's network namespace
}

func inPod(t *testing.T, f func(p *podNetns)) {
	t.Helper()
	netnstest.Run(t, func() {
		p := &podNetns{t: t}
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
		p.run("ip link set lo up")
		p.run("ip link add eth0 type veth peer name veth1")
		p.run(fmt.Sprintf("ip link set veth1 netns /proc/%d/fd/%d", os.Getpid(), p.caller))
		p.addresses("eth0", pod4, pod6)
		p.outside(func() { p.run("ip link set lo up"); p.addresses("veth1", caller4, caller6) })
		f(p)
	}, "nft", "ip")
}

func (p *podNetns) addresses(dev, v4, v6 string) {
	p.run("ip link set " + dev + " up")
	p.run("ip addr add " + v4 + "/24 dev " + dev)
	p.run("ip addr add " + v6 + "/64 nodad dev " + dev)
}

// outside runs f in the caller's namespace.
func (p *podNetns) outside(f func()) {
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

func (p *podNetns) run(command string) string {
	args := strings.Fields(command)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		panic(fmt.Sprintf("%s: %v: %s", command, err, out))
	}
	return string(out)
}

// clean sees that no rule is left.
func (p *podNetns) clean() {
	p.t.Helper()
	require.EventuallyWithT(p.t, func(c *assert.CollectT) { assert.Empty(c, p.run("nft list ruleset")) }, bounded, 5*time.Millisecond)
}

// call connects to addr from outside.
func (p *podNetns) call(addr string) *net.TCPConn {
	p.t.Helper()
	var (
		c   net.Conn
		err error
	)
	p.outside(func() { c, err = (&net.Dialer{Timeout: bounded}).Dial("tcp", addr) })
	require.NoError(p.t, err, "dial %s", addr)
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(bounded))
	return c.(*net.TCPConn)
}

// inside is call from within the pod.
func (p *podNetns) inside(addr string) *net.TCPConn {
	p.t.Helper()
	c, err := net.DialTimeout("tcp", addr, bounded)
	require.NoError(p.t, err, "dial %s", addr)
	p.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(bounded))
	return c.(*net.TCPConn)
}

// greeter is an app that speaks first, and says what it was told after that.
func (p *podNetns) greeter(addr string) {
	ln, err := net.Listen("tcp", addr)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.WriteString(c, "app\n")
				io.Copy(c, c)
			}()
		}
	}()
}

// web is an app that answers with its name and the path.
func (p *podNetns) web(addr string) {
	ln, err := net.Listen("tcp", addr)
	require.NoError(p.t, err)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "app ", r.URL) })}
	p.t.Cleanup(func() { srv.Close() })
	go srv.Serve(ln)
}

func line(t *testing.T, r io.Reader) string {
	t.Helper()
	var b []byte
	one := make([]byte, 1)
	for {
		if _, err := r.Read(one); err != nil {
			return string(b) + err.Error()
		}
		if one[0] == '\n' {
			return string(b)
		}
		b = append(b, one[0])
	}
}

// listening is a client's capture.
type listening struct {
	*session.Stream
	s     *session.Session
	notes chan wire.Note // closed at the end of the stream
	errc  chan error     // how it ended
}

func listen(t *testing.T, s *session.Session, address string, set wire.Settings) (*listening, error) {
	t.Helper()
	st, err := s.Open(wire.KindListen, address)
	require.NoError(t, err)
	_, err = st.Write(set.Append(nil))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), bounded)
	defer cancel()
	if _, err := st.Connected(ctx); err != nil {
		return nil, err
	}
	l := &listening{st, s, make(chan wire.Note, 100), make(chan error, 1)}
	go func() {
		lines := bufio.NewScanner(st)
		for lines.Scan() {
			if n, err := wire.ParseNote(lines.Bytes()); err == nil {
				l.notes <- n
			}
		}
		close(l.notes)
		l.errc <- lines.Err()
	}()
	return l, nil
}

func mustListen(t *testing.T, s *session.Session, address string, set wire.Settings) *listening {
	t.Helper()
	l, err := listen(t, s, address, set)
	require.NoError(t, err)
	return l
}

// accept takes the next connection that was captured.
func (l *listening) accept(t *testing.T) (*session.Stream, wire.Accepted) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bounded)
	defer cancel()
	st, err := l.s.Accept(ctx)
	require.NoError(t, err)
	a, err := wire.ParseAccepted(st.Address())
	require.NoError(t, err)
	assert.Equal(t, l.ID(), a.Listen)
	return st, a
}

// stop ends the capture and gives the last note.
func (l *listening) stop(t *testing.T) wire.Note {
	t.Helper()
	require.NoError(t, l.CloseWrite())
	var last wire.Note
	for n := range l.notes {
		last = n
	}
	require.NoError(t, <-l.errc)
	return last
}

// serveHTTP answers what is captured with name, path and caller.
func (l *listening) serveHTTP(t *testing.T, name string) {
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, _ := wire.ParseAccepted(r.RemoteAddr)
		fmt.Fprint(w, name, " ", r.URL, " ", a.Caller)
	})}
	t.Cleanup(func() {
		l.s.Close() // or Serve would wait for more
		srv.Close()
	})
	go srv.Serve(streams{l})
}

// streams is a listener of captured connections.
type streams struct{ *listening }

func (s streams) Accept() (net.Conn, error) {
	st, err := s.s.Accept(context.Background())
	if err != nil {
		return nil, err
	}
	st.Accept("")
	return st, nil
}

func (s streams) Addr() net.Addr { return session.Addr{} }

var stealWays = []struct {
	name, addr, caller string
	inside             bool
}{
	{"IPv4 from outside", pod4 + ":80", caller4, false},
	{"IPv6 from outside", "[" + pod6 + "]:80", caller6, false},
	{"IPv4 loopback", "127.0.0.1:80", "127.0.0.1", true},
	{"IPv6 loopback", "[::1]:80", "::1", true},
	{"own address from inside", pod4 + ":80", pod4, true},
}

func TestNetnsStealBeforeWhileAndAfter(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		call := func(i int) *net.TCPConn {
			if stealWays[i].inside {
				return p.inside(stealWays[i].addr)
			}
			return p.call(stealWays[i].addr)
		}
		app := func() {
			for i, w := range stealWays {
				assert.Equal(t, "app", line(t, call(i)), w.name)
			}
		}
		app()
		before := p.call(pod4 + ":80")
		assert.Equal(t, "app", line(t, before))

		l := mustListen(t, run(t, time.Minute).session(t), "steal 80", wire.Settings{Who: "alice"})
		for i, w := range stealWays {
			c := call(i)
			st, a := l.accept(t)
			st.Accept("")
			assert.Equal(t, w.addr, a.Local.String(), w.name)
			assert.Equal(t, c.LocalAddr().String(), a.Caller.String(), w.name)
			io.WriteString(st, "client\n")
			assert.Equal(t, "client", line(t, c), w.name)
			require.NoError(t, st.CloseWrite())
			assert.Equal(t, "EOF", line(t, c), w.name)
			io.WriteString(c, "after the end\n")
			require.NoError(t, c.CloseWrite())
			got, err := io.ReadAll(st)
			require.NoError(t, err)
			assert.Equal(t, "after the end\n", string(got), w.name)
		}
		io.WriteString(before, "still the app's\n")
		assert.Equal(t, "still the app's", line(t, before))

		c := p.call(pod4 + ":80")
		st, _ := l.accept(t)
		st.Accept("")
		assert.Equal(t, wire.Note{Connections: uint64(len(stealWays)) + 1}, l.stop(t))
		app()
		io.WriteString(st, "goes on\n")
		assert.Equal(t, "goes on", line(t, c))
		c.CloseWrite()
		st.Close()
		p.clean()
	})
}

func TestNetnsStealResets(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		s := run(t, time.Minute).session(t)
		l := mustListen(t, s, "steal 80", wire.Settings{})
		t.Run("by the client", func(t *testing.T) {
			c := p.call(pod4 + ":80")
			st, _ := l.accept(t)
			st.Reset(wire.ConnRefused, "")
			_, err := c.Read(make([]byte, 1))
			assert.ErrorIs(t, err, syscall.ECONNRESET)
		})
		t.Run("by the caller", func(t *testing.T) {
			c := p.call(pod4 + ":80")
			st, _ := l.accept(t)
			st.Accept("")
			c.SetLinger(0)
			c.Close()
			_, err := st.Read(make([]byte, 1))
			assert.ErrorIs(t, err, syscall.ECONNRESET)
		})
		t.Run("dials of the client reach the app", func(t *testing.T) {
			st, err := s.Dial(context.Background(), wire.KindTCP, pod4+":80")
			require.NoError(t, err)
			assert.Equal(t, "app", line(t, st))
		})
	})
}

func TestNetnsStealFallsBack(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(pod4 + ":80") // at no other address
		s := run(t, time.Minute).session(t)
		l := mustListen(t, s, "steal 80", wire.Settings{Fallback: true})
		c := p.call(pod4 + ":80")
		st, _ := l.accept(t)
		st.Reset(wire.ConnRefused, "")
		assert.Equal(t, "app", line(t, c))
		s.Close()
		io.WriteString(c, "without the client\n")
		assert.Equal(t, "without the client", line(t, c))
		next := p.call(pod4 + ":80") // may still be passed on by the agent: its table stays as long
		assert.Equal(t, "app", line(t, next))
		c.Close()
		next.Close()
		p.clean()
	})
}

// A link-local address means nothing without its interface.
func TestNetnsStealFallsBackAtLinkLocal(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.run("ip addr add fe80::2/64 nodad dev eth0")
		p.outside(func() { p.run("ip addr add fe80::1/64 nodad dev veth1") })
		p.greeter(":80")
		l := mustListen(t, run(t, time.Minute).session(t), "steal 80", wire.Settings{Fallback: true})
		c := p.call("[fe80::2%veth1]:80")
		st, a := l.accept(t)
		assert.Equal(t, "[fe80::2]:80", a.Local.String())
		st.Reset(wire.ConnRefused, "")
		assert.Equal(t, "app", line(t, c))
	})
}

func TestNetnsStealResetsExisting(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		c := p.call(pod4 + ":80")
		assert.Equal(t, "app", line(t, c))
		mustListen(t, run(t, time.Minute).session(t), "steal 80", wire.Settings{ResetExisting: true})
		_, err := c.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestNetnsStealIsRefused(t *testing.T) {
	inPod(t, func(p *podNetns) {
		s := run(t, time.Minute).session(t)
		l := mustListen(t, s, "steal 80", wire.Settings{Who: "alice@laptop"})
		select {
		case n := <-l.notes:
			assert.Equal(t, "nothing listens on port 80 in the pod", n.Warning)
		case <-time.After(bounded):
			t.Error("nothing was said")
		}
		path := &wire.Filter{Path: "/x"}
		for _, tt := range []struct {
			name, address string
			set           wire.Settings
			code          wire.Code
			text          string
		}{
			{"whole port", "steal 80", wire.Settings{}, wire.AddrInUse, `^port 80 is held by alice@laptop since .* UTC$`},
			{"after the whole port", "steal 80", wire.Settings{Filter: path}, wire.AddrInUse, `alice@laptop`},
			{"no regular expression", "steal 81", wire.Settings{Filter: &wire.Filter{Path: "("}}, wire.Unsupported, `\(`},
			{"no condition", "steal 81", wire.Settings{Filter: &wire.Filter{}}, wire.Unsupported, `0 conditions`},
			{"no such mode", "borrow 81", wire.Settings{}, wire.Unsupported, `borrow 81`},
			{"what mirroring does not do", "mirror 81", wire.Settings{Fallback: true}, wire.Unsupported, `steal`},
		} {
			t.Run(tt.name, func(t *testing.T) {
				_, err := listen(t, run(t, time.Minute).session(t), tt.address, tt.set)
				var reset *session.ResetError
				require.ErrorAs(t, err, &reset)
				assert.Equal(t, tt.code, reset.Code)
				assert.Regexp(t, tt.text, reset.Text)
			})
		}
		l.stop(t)
		p.clean()
	})
}

func TestNetnsFilteredClientsSideBySide(t *testing.T) {
	for _, agents := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d agents", agents), func(t *testing.T) {
			inPod(t, func(p *podNetns) {
				p.web(":80")
				first := run(t, time.Minute)
				second := first
				if agents == 2 {
					second = run(t, time.Minute)
				}
				filter := func(who string) wire.Settings {
					return wire.Settings{Who: who, Filter: &wire.Filter{Header: &wire.HeaderFilter{Name: "X-User", Value: "^" + who + "$"}}}
				}
				alice := mustListen(t, first.session(t), "steal 80", filter("alice"))
				alice.serveHTTP(t, "alice")
				bob := mustListen(t, second.session(t), "steal 80", filter("bob"))
				bob.serveHTTP(t, "bob")

				c := p.call(pod4 + ":80")
				br := bufio.NewReader(c)
				for i, who := range []string{"alice", "", "bob", "bob", "", "alice", "carol", "bob"} {
					fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\nX-User: %s\r\n\r\n", i, who)
					res, err := http.ReadResponse(br, nil)
					require.NoError(t, err)
					body, err := io.ReadAll(res.Body)
					require.NoError(t, err)
					want := fmt.Sprintf("app /%d", i)
					if who == "alice" || who == "bob" {
						want = fmt.Sprintf("%s /%d %v", who, i, c.LocalAddr())
					}
					assert.Equal(t, want, string(body))
				}
				c.Close()
				assert.EqualValues(t, 2, alice.stop(t).Requests)
				assert.EqualValues(t, 3, bob.stop(t).Requests)
				p.clean()
			})
		})
	}
}

func TestNetnsLostSessionLeavesNothing(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		s := run(t, time.Minute).session(t)
		l := mustListen(t, s, "steal 80", wire.Settings{})
		c := p.call(pod4 + ":80")
		st, _ := l.accept(t)
		st.Accept("")
		s.Close()
		_, err := c.Read(make([]byte, 1))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
		p.clean()
		assert.Equal(t, "app", line(t, p.call(pod4+":80")))
	})
}

// agentProcess is a process of its own that runs an agent.
const agentProcess = "FWD_TEST_AGENT"

func TestMain(m *testing.M) {
	if key, ok := os.LookupEnv(agentProcess); ok {
		pub, _ := base64.StdEncoding.DecodeString(key)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println(ln.Addr())
		if err := Run(context.Background(), Config{Key: pub, Idle: time.Minute}, []net.Listener{ln}); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func TestNetnsKilledAgentLeavesNothing(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		pub, key, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), agentProcess+"="+base64.StdEncoding.EncodeToString(pub))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		r := running{addr: line(t, out), key: key}
		l := mustListen(t, r.session(t), "steal 80", wire.Settings{})
		c := p.call(pod4 + ":80")
		st, _ := l.accept(t)
		st.Accept("")
		require.NoError(t, cmd.Process.Kill())
		killed := time.Now()
		cmd.Wait()
		p.clean()
		assert.Equal(t, "app", line(t, p.call(pod4+":80")))
		t.Logf("the pod answers %v after kill -9", time.Since(killed))
		_, err = c.Read(make([]byte, 1))
		assert.Error(t, err)
	})
}

func TestNetnsMirrorCopiesAndLeavesTheAppAlone(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		l := mustListen(t, run(t, time.Minute).session(t), "mirror 80", wire.Settings{})
		assert.Empty(t, p.run("nft list ruleset"))
		for _, addr := range []string{pod4 + ":80", "[" + pod6 + "]:80"} {
			c := p.call(addr)
			assert.Equal(t, "app", line(t, c))
			st, a := l.accept(t)
			st.Accept("")
			assert.Equal(t, c.LocalAddr().String(), a.Caller.String())
			assert.Equal(t, addr, a.Local.String())
			said := bytes.Repeat([]byte("what a caller says\n"), 10_000)
			go func() { c.Write(said); c.CloseWrite() }()
			echoed, err := io.ReadAll(c)
			require.NoError(t, err)
			assert.Equal(t, said, echoed)
			got, err := io.ReadAll(st)
			require.NoError(t, err)
			assert.Equal(t, said, got)
			st.Close()
		}
		assert.Equal(t, wire.Note{Connections: 2}, l.stop(t))
	})
}

func TestNetnsMirrorDoesNotWaitForASlowClient(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.greeter(":80")
		l := mustListen(t, run(t, time.Minute).session(t), "mirror 80", wire.Settings{})
		c := p.call(pod4 + ":80")
		assert.Equal(t, "app", line(t, c))
		st, _ := l.accept(t)
		st.Accept("") // and reads nothing
		const size = 64 << 20
		go func() {
			for range size >> 20 {
				c.Write(make([]byte, 1<<20))
			}
			c.CloseWrite()
		}()
		n, err := io.Copy(io.Discard, c)
		require.NoError(t, err)
		assert.EqualValues(t, size, n)
		_, err = io.Copy(io.Discard, st)
		var reset *session.ResetError
		require.ErrorAs(t, err, &reset)
		assert.Equal(t, wire.DataLost, reset.Code)
		assert.EqualValues(t, 1, l.stop(t).Lost)
	})
}

func TestNetnsMirrorAccountsForEachRequest(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.web(":80")
		l := mustListen(t, run(t, time.Minute).session(t), "mirror 80", wire.Settings{})
		go func() {
			for range l.notes {
			}
		}()
		var whole, broken atomic.Int64
		go func() {
			for {
				st, err := l.s.Accept(context.Background())
				if err != nil {
					return
				}
				go func() {
					defer st.Close()
					st.Accept("")
					if got, err := io.ReadAll(st); err == nil && bytes.HasPrefix(got, []byte("GET /")) && bytes.HasSuffix(got, []byte("\r\n\r\n")) {
						whole.Add(1)
					} else {
						broken.Add(1)
					}
				}()
			}
		}()
		const callers, calls = 8, 1250
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				p.outside(func() {
					for i := range calls {
						c, err := net.Dial("tcp", pod4+":80")
						if !assert.NoError(t, err) {
							return
						}
						fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", i)
						got, err := io.ReadAll(c)
						assert.NoError(t, err)
						assert.Contains(t, string(got), fmt.Sprintf("app /%d", i))
						c.Close()
					}
				})
			})
		}
		wg.Wait()
		require.Eventually(t, func() bool { return whole.Load()+broken.Load() == callers*calls }, 2*bounded, 10*time.Millisecond,
			"%d whole, %d broken", &whole, &broken)
		t.Logf("%d whole, %d broken", whole.Load(), broken.Load())
		assert.Zero(t, broken.Load())
	})
}

func TestNetnsMirrorPicksRequests(t *testing.T) {
	inPod(t, func(p *podNetns) {
		p.web(":80")
		l := mustListen(t, run(t, time.Minute).session(t), "mirror 80", wire.Settings{Filter: &wire.Filter{Path: "^/mine"}})
		c := p.call(pod4 + ":80")
		br := bufio.NewReader(c)
		for _, path := range []string{"/other", "/mine/1", "/other", "/mine/2"} {
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			res, err := http.ReadResponse(br, nil)
			require.NoError(t, err)
			body, _ := io.ReadAll(res.Body)
			assert.Equal(t, "app "+path, string(body))
		}
		c.Close()
		st, _ := l.accept(t)
		st.Accept("")
		got, err := io.ReadAll(st)
		require.NoError(t, err)
		assert.Equal(t, "GET /mine/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /mine/2 HTTP/1.1\r\nHost: x\r\n\r\n", string(got))
		st.Close()
		assert.Equal(t, wire.Note{Connections: 1, Requests: 2}, l.stop(t))
	})
}
