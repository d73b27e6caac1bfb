//go:build linux && netns && measure

package tap

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counter is a New whose sinks only count.
type counter struct {
	bytes, opened, ended, lost atomic.Int64
	last                       atomic.Int64 // when the last bytes came
}

func (c *counter) New(Flow) Sink {
	c.opened.Add(1)
	return c
}

func (c *counter) Write(b []byte) {
	c.last.Store(time.Now().UnixNano())
	c.bytes.Add(int64(len(b)))
}

func (c *counter) End(err error) {
	c.ended.Add(1)
	if err != nil {
		c.lost.Add(1)
	}
}

// TestNetnsMeasure says what the tap keeps up with. Callers, the pod's server
// and the tap share the machine; the tap is a process of its own, as in a pod.
func TestNetnsMeasure(t *testing.T) {
	if os.Getenv(asTraffic) != "" {
		traffic(t)
		return
	}
	inNetns(t, func() {
		require.NoError(t, ip("link set lo up"))
		for _, f := range []flood{
			{1, 100, 0}, {100, 100, 20_000}, {100, 100, 100_000}, {100, 100, 0},
			{1, 1400, 0}, {100, 1400, 50_000}, {100, 1400, 0},
			{1, 64 << 10, 0}, {100, 64 << 10, 0},
		} {
			t.Logf("%s, no tap: %s", f, child(t, f.args()))
			c := &counter{}
			tap, stop := c.open(t, floodPort)
			took := time.Now()
			said := child(t, f.args())
			seconds := time.Since(took).Seconds()
			require.Eventually(t, func() bool { return c.ended.Load() == c.opened.Load() }, 20*time.Second, time.Millisecond)
			s := tap.Stats()
			stop()
			t.Logf("%s,    tap: %s; %.0f packets/s, %.0f MB/s copied, %d dropped, %d of %d copies lost", f, said,
				float64(s.Packets)/min(seconds, 3), float64(c.bytes.Load())/1e6/3, s.Dropped, s.Lost, s.Connections)
		}
		for range 3 {
			t.Logf("no tap: %s", child(t, "ping"))
			c := &counter{}
			_, stop := c.open(t, floodPort)
			t.Logf("   tap: %s", child(t, "ping"))
			stop()
		}
		late(t)
	})
}

// flood is so many connections that write so many bytes at a time, so often in
// a second all together (0: as often as they can).
type flood struct{ conns, size, rate int }

func (f flood) String() string {
	rate := "as fast as can be"
	if f.rate > 0 {
		rate = fmt.Sprintf("%d a second", f.rate)
	}
	return fmt.Sprintf("%3d connections, writes of %5d bytes, %s", f.conns, f.size, rate)
}

func (f flood) args() string { return fmt.Sprintf("flood %d %d %d", f.conns, f.size, f.rate) }

const (
	asTraffic = "FWD_TEST_TRAFFIC"
	floodPort = 9000
)

// child makes traffic in a process of its own.
func child(t *testing.T, args string) string {
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestNetnsMeasure$", "-test.v")
	cmd.Env = append(os.Environ(), asTraffic+"="+args)
	out, _ := cmd.CombinedOutput() // goroutines may be left over for a moment
	_, said, ok := strings.Cut(string(out), "said: ")
	require.True(t, ok, "%s", out)
	said, _, _ = strings.Cut(said, "\n")
	return said
}

func traffic(t *testing.T) {
	there := newElsewhere(t)
	defer ip("link del veth0")
	listen := func() (net.Listener, error) { return net.Listen("tcp", fmt.Sprintf(":%d", floodPort)) }
	var f flood
	if n, _ := fmt.Sscanf(os.Getenv(asTraffic), "flood %d %d %d", &f.conns, &f.size, &f.rate); n == 3 {
		f.run(t, there, discard(t, listen))
		return
	}
	echo(t, listen)
	conn, err := there.dial(fmt.Sprintf("10.9.0.2:%d", floodPort))
	require.NoError(t, err)
	defer conn.Close()
	b := make([]byte, 64)
	var times []time.Duration
	for range 30_000 {
		start := time.Now()
		conn.Write(b)
		io.ReadFull(conn, b)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	n := len(times)
	t.Logf("said: round trip p50 %v, p90 %v, p99 %v", times[n/2], times[n*9/10], times[n*99/100])
}

// discard serves as echo does, and says nothing. wait returns when so many
// connections are over.
func discard(t testing.TB, listen func() (net.Listener, error)) (wait func(n int)) {
	over := make(chan struct{}, 1000)
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
				defer func() { c.Close(); over <- struct{}{} }()
				b := make([]byte, 256<<10)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}()
		}
	}()
	return func(n int) {
		for range n {
			<-over
		}
	}
}

func (f flood) run(t *testing.T, there *elsewhere, wait func(int)) {
	var (
		wg    sync.WaitGroup
		sent  atomic.Int64
		b     = make([]byte, f.size)
		conns []net.Conn
	)
	for range f.conns {
		conn, err := there.dial(fmt.Sprintf("10.9.0.2:%d", floodPort))
		require.NoError(t, err)
		conns = append(conns, conn)
	}
	start := time.Now()
	for _, conn := range conns {
		wg.Go(func() {
			for i := 1; time.Since(start) < 3*time.Second; i++ {
				n, _ := conn.Write(b)
				sent.Add(int64(n))
				if f.rate > 0 {
					due := time.Duration(i) * time.Second * time.Duration(f.conns) / time.Duration(f.rate)
					time.Sleep(due - time.Since(start))
				}
			}
			conn.(*net.TCPConn).CloseWrite()
		})
	}
	wg.Wait()
	wait(f.conns)
	t.Logf("said: %.0f writes/s, %.0f MB/s", float64(sent.Load())/float64(f.size)/3, float64(sent.Load())/3e6)
}

// late measures how long after the bytes the copy of them comes.
func late(t *testing.T) {
	port := echo(t, anyPort)
	c := &counter{}
	_, stop := c.open(t, port)
	defer stop()
	conn, err := here(fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(t, err)
	defer conn.Close()
	b := make([]byte, 64)
	var late []time.Duration
	for i := range 500 {
		start := time.Now()
		conn.Write(b)
		io.ReadFull(conn, b)
		for c.bytes.Load() < int64(len(b)*(i+1)) {
			time.Sleep(100 * time.Microsecond)
		}
		late = append(late, time.Unix(0, c.last.Load()).Sub(start))
		time.Sleep(time.Duration(i%10) * time.Millisecond)
	}
	slices.Sort(late)
	t.Logf("the copy comes after p50 %v, p99 %v", late[len(late)/2], late[len(late)*99/100])
}

func (c *counter) open(t testing.TB, port int) (*Tap, func()) { return run(t, port, c.New) }
