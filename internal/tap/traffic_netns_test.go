//go:build linux && netns

package tap

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// say writes and waits for the echo.
func say(t testing.TB, c net.Conn, s string) {
	t.Helper()
	_, err := io.WriteString(c, s)
	require.NoError(t, err)
	b := make([]byte, len(s))
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, s, string(b))
}

func TestNetnsEveryCallerIsCopied(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		var all copies
		tap := all.open(t, port)
		for _, tt := range []struct {
			name, host string
			dial       func(string) (net.Conn, error)
		}{
			{"from outside", "10.9.0.2", there.dial},
			{"from outside, IPv6", "[fd09::2]", there.dial},
			{"from inside, loopback", "127.0.0.1", here},
			{"from inside, IPv6 loopback", "[::1]", here},
			{"from inside, the pod's address", "10.9.0.2", here},
			{"from inside, the pod's IPv6 address", "[fd09::2]", here},
		} {
			t.Run(tt.name, func(t *testing.T) {
				addr := fmt.Sprintf("%s:%d", tt.host, port)
				c, err := tt.dial(addr)
				require.NoError(t, err)
				eventually(t, `"" open`, func() string { return all.of(c) })
				say(t, c, "hello ")
				say(t, c, "world")
				eventually(t, `"hello world" open`, func() string { return all.of(c) })
				require.NoError(t, c.(*net.TCPConn).CloseWrite())
				eventually(t, `"hello world" end`, func() string { return all.of(c) })
				c.Close()

				c, err = tt.dial(addr)
				require.NoError(t, err)
				say(t, c, "hello")
				require.NoError(t, c.(*net.TCPConn).SetLinger(0))
				c.Close()
				eventually(t, `"hello" reset`, func() string { return all.of(c) })
			})
		}
		assert.Equal(t, 12, all.len())
		assert.Equal(t, Stats{Packets: tap.Stats().Packets, Connections: 12}, tap.Stats())
	})
}

func TestNetnsOtherTrafficIsNot(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		other := echo(t, anyPort)
		echo(t, func() (ln net.Listener, err error) {
			err = there.run(func() (err error) {
				ln, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
				return err
			})
			return ln, err
		})
		var all copies
		tap := all.open(t, port)

		out, err := net.Dial("tcp", fmt.Sprintf("10.9.0.1:%d", port))
		require.NoError(t, err)
		defer out.Close()
		say(t, out, "to somebody else's port of that number")

		c, err := there.dial(fmt.Sprintf("10.9.0.2:%d", other))
		require.NoError(t, err)
		defer c.Close()
		say(t, c, "to another port of the pod")

		for mark, want := range map[int]string{0x66640000: "", 0x66640003: "", 0x6664ffff: "", 0x66650000: `"marked" open`, 1: `"marked" open`} {
			d := net.Dialer{Control: option(unix.SOL_SOCKET, unix.SO_MARK, mark)}
			c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			require.NoError(t, err)
			defer c.Close()
			say(t, c, "marked")
			witness, err := there.dial(fmt.Sprintf("10.9.0.2:%d", port))
			require.NoError(t, err)
			say(t, witness, "x")
			eventually(t, `"x" open`, func() string { return all.of(witness) })
			witness.Close()
			eventually(t, want, func() string { return all.of(c) })
		}
		assert.Equal(t, 7, all.len())
		assert.Equal(t, Stats{Packets: tap.Stats().Packets, Connections: 7}, tap.Stats())
	})
}

func TestNetnsOldConnections(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		addr := fmt.Sprintf("10.9.0.2:%d", port)
		web, err := there.dial(addr)
		require.NoError(t, err)
		defer web.Close()
		binary, err := there.dial(addr)
		require.NoError(t, err)
		defer binary.Close()
		say(t, web, "GET /before HTTP/1.1\r\n\r\n")
		say(t, binary, "before")
		var all copies
		all.open(t, port)
		say(t, binary, "after")
		say(t, web, "GET /after HTTP/1.1\r\n\r\n")
		eventually(t, `"GET /after HTTP/1.1\r\n\r\n" joined, open`, func() string { return all.of(web) })
		require.NoError(t, web.(*net.TCPConn).CloseWrite())
		eventually(t, `"GET /after HTTP/1.1\r\n\r\n" joined, end`, func() string { return all.of(web) })
		assert.Empty(t, all.of(binary))
	})
}

// Segments of up to 64 KiB, merged by offload on the way, from two callers at
// once.
func TestNetnsMuchData(t *testing.T) {
	for _, host := range []string{"10.9.0.2", "[fd09::2]", "127.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			inNetns(t, func() {
				there := newElsewhere(t)
				ln, err := net.Listen("tcp", ":0")
				require.NoError(t, err)
				defer ln.Close()
				port := ln.Addr().(*net.TCPAddr).Port
				go func() {
					for {
						c, err := ln.Accept()
						if err != nil {
							return
						}
						go func() { io.Copy(io.Discard, c); c.Close() }()
					}
				}()
				h := &hashes{ends: make(chan string, 10)}
				tap, stop := h.open(t, port)
				var wg sync.WaitGroup
				want := make([]string, 2)
				for i := range want {
					dial := there.dial
					if strings.HasPrefix(host, "127") {
						dial = here
					}
					c, err := dial(fmt.Sprintf("%s:%d", host, port))
					require.NoError(t, err)
					wg.Go(func() {
						sum := sha256.New()
						data := rand.NewChaCha8([32]byte{byte(i)})
						io.Copy(io.MultiWriter(sum, c), io.LimitReader(data, 64<<20))
						c.Close()
						want[i] = fmt.Sprintf("%x <nil>", sum.Sum(nil))
					})
				}
				wg.Wait()
				got := []string{<-h.ends, <-h.ends}
				stats := tap.Stats()
				stop()
				for _, end := range got {
					if strings.HasSuffix(end, "<nil>") {
						assert.Contains(t, want, end)
					}
				}
				t.Logf("%+v %v", stats, got)
				if stats.Dropped == 0 {
					assert.Zero(t, stats.Lost)
				}
			})
		})
	}
}

// BIG TCP: segments that are longer than an IP header can say.
func TestNetnsMoreThan64KiBInOneSegment(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		big := "gso_max_size 190000 gro_max_size 190000"
		err := errors.Join(ip("link set veth0 "+big), there.run(func() error { return ip("link set veth1 " + big) }))
		if err != nil {
			t.Skipf("no BIG TCP here: %v", err)
		}
		port := echo(t, anyPort)
		h := &hashes{ends: make(chan string, 1)}
		tap, stop := h.open(t, port)
		defer stop()
		c, err := there.dial(fmt.Sprintf("[fd09::2]:%d", port))
		require.NoError(t, err)
		go io.Copy(io.Discard, c)
		sum := sha256.New()
		b := make([]byte, 1<<20) // long writes make long segments
		data := rand.NewChaCha8([32]byte{})
		for range 32 {
			data.Read(b)
			sum.Write(b)
			_, err = c.Write(b)
			require.NoError(t, err)
		}
		require.NoError(t, c.(*net.TCPConn).CloseWrite())
		assert.Equal(t, fmt.Sprintf("%x <nil>", sum.Sum(nil)), <-h.ends)
		t.Logf("the largest segment had %d bytes, %+v", h.largest.Load(), tap.Stats())
		assert.Greater(t, h.largest.Load(), int64(65535))
	})
}

func TestNetnsDataWithTheSYN(t *testing.T) {
	inNetns(t, func() {
		newElsewhere(t)
		// Both sides, without cookies, every listener.
		if err := os.WriteFile("/proc/sys/net/ipv4/tcp_fastopen", []byte("1543"), 0); err != nil {
			t.Skipf("no TCP Fast Open here: %v", err)
		}
		port := echo(t, anyPort)
		var all copies
		tap := all.open(t, port)
		d := net.Dialer{Control: option(unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)}
		c, err := d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		require.NoError(t, err)
		defer c.Close()
		say(t, c, "early")
		eventually(t, `"early" open`, func() string { return all.of(c) })
		info, err := tcpInfo(c)
		require.NoError(t, err)
		assert.NotZero(t, info.Options&tcpiSynData)
		say(t, c, " late")
		eventually(t, `"early late" open`, func() string { return all.of(c) })
		assert.Zero(t, tap.Stats().Lost)
	})
}

func TestNetnsTenThousandConnections(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		var all copies
		tap := all.open(t, port)
		const total, workers = 10_000, 8
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() {
				for j := range total / workers {
					c, err := there.dial(fmt.Sprintf("10.9.0.2:%d", port))
					if !assert.NoError(t, err) {
						return
					}
					request := fmt.Sprintf("GET /%d/%d HTTP/1.1\r\n\r\n", i, j)
					_, err = io.WriteString(c, request)
					assert.NoError(t, err)
					_, err = io.ReadFull(c, make([]byte, len(request)))
					assert.NoError(t, err)
					c.Close()
				}
			})
		}
		wg.Wait()
		accounted := func() (copied, lost int) {
			all.mu.Lock()
			defer all.mu.Unlock()
			for _, c := range all.all {
				switch {
				case c.ended && c.err == nil && strings.HasSuffix(c.data.String(), "HTTP/1.1\r\n\r\n"):
					copied++
				case errors.Is(c.err, ErrLost):
					lost++
				}
			}
			return copied, lost
		}
		require.Eventually(t, func() bool { copied, lost := accounted(); return copied+lost == total }, 30*time.Second, 10*time.Millisecond)
		copied, lost := accounted()
		t.Logf("%d copied, %d lost, %+v", copied, lost, tap.Stats())
		assert.Equal(t, uint64(total), tap.Stats().Connections)
		if tap.Stats().Dropped == 0 {
			assert.Zero(t, lost)
		}
	})
}

// What the network loses before the tap is sent again and comes out of order;
// what is lost behind the tap is sent again, and was copied already.
func TestNetnsLossOnTheWay(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("nft is not installed")
	}
	lossy := func(hook string) func() error {
		return func() error {
			return exec.Command("nft", fmt.Sprintf("add table inet lossy; add chain inet lossy c { type filter hook %s priority 0; }; "+
				"add rule inet lossy c meta l4proto tcp numgen random mod 20 == 0 drop", hook)).Run()
		}
	}
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		h := &hashes{ends: make(chan string, 1)}
		tap, stop := h.open(t, port)
		defer stop()
		require.NoError(t, there.run(lossy("output")))
		require.NoError(t, lossy("input")())
		for i := range 5 {
			c, err := there.dial(fmt.Sprintf("10.9.0.2:%d", port))
			require.NoError(t, err)
			go io.Copy(io.Discard, c)
			sum := sha256.New()
			data := rand.NewChaCha8([32]byte{byte(i)})
			_, err = io.Copy(io.MultiWriter(sum, c), io.LimitReader(data, 2<<20))
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			assert.Equal(t, fmt.Sprintf("%x <nil>", sum.Sum(nil)), <-h.ends)
		}
		t.Logf("%+v", tap.Stats())
		assert.Zero(t, tap.Stats().Lost)
	})
}

// A sink that sleeps makes the ring overflow. Nothing may be missing in
// silence.
func TestNetnsOverflowIsCounted(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		slow := &hashes{ends: make(chan string, 1), slow: 20 * time.Millisecond}
		tap, stop := slow.open(t, port)
		defer stop()
		c, err := there.dial(fmt.Sprintf("10.9.0.2:%d", port))
		require.NoError(t, err)
		go io.Copy(io.Discard, c)
		_, err = c.Write(bytes.Repeat([]byte("x"), 128<<20))
		require.NoError(t, err)
		c.Close()
		end := <-slow.ends
		assert.Contains(t, end, "lost")
		eventually(t, "1 connection, 1 lost", func() string {
			return fmt.Sprintf("%d connection, %d lost", tap.Stats().Connections, tap.Stats().Lost)
		})
		t.Logf("%s %+v", end, tap.Stats())
		assert.Positive(t, tap.Stats().Dropped)
	})
}

func TestNetnsFragmentsAreCounted(t *testing.T) {
	inNetns(t, func() {
		there := newElsewhere(t)
		port := echo(t, anyPort)
		var all copies
		tap := all.open(t, port)
		b := firstFragment(newWorld(t), port)
		require.NoError(t, there.run(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Sendto(fd, b, 0, &unix.SockaddrInet4{Addr: [4]byte{10, 9, 0, 2}})
		}))
		eventually(t, "1", func() string { return fmt.Sprint(tap.Stats().Dropped) })
	})
}

func TestNetnsWithoutPrivilege(t *testing.T) {
	inNetns(t, func() {
		// Capabilities are a thread's.
		done := make(chan error)
		go func() {
			done <- withoutCapabilities(func() error {
				_, err := Open(Config{Port: 80})
				return err
			})
		}()
		assert.ErrorIs(t, <-done, fs.ErrPermission)
	})
}

func TestNetnsTapEndsItsCopies(t *testing.T) {
	inNetns(t, func() {
		newElsewhere(t)
		port := echo(t, anyPort)
		h := &hashes{ends: make(chan string, 1)}
		_, stop := h.open(t, port)
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		require.NoError(t, err)
		defer c.Close()
		say(t, c, "hello")
		h.wait(5)
		stop()
		assert.Contains(t, <-h.ends, net.ErrClosed.Error())

		unused, err := Open(Config{Port: 80})
		require.NoError(t, err)
		assert.NoError(t, unused.Close())
	})
}
