//go:build e2e && measure

package e2e

import (
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMeasure promises nothing: it takes times and sizes, for people to read.
// `task measure` runs it.
func TestMeasure(t *testing.T) {
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", "268435456")
	s.backend("sink", 7002, "sink", "-port", "7002")

	for _, target := range [][]string{nil, {"-t", "pod/echo"}} {
		name := "targetless"
		if target != nil {
			name = "with -t"
		}
		var cold, warm []time.Duration
		for range 7 {
			cold = append(cold, s.firstByte(target))
			for range 3 {
				warm = append(warm, s.firstByte(target))
			}
			s.ok(s.run(nil, "fwd-agent", "stop", "--all", "-q"))
			s.eventuallyEqual("agents", 0, func() int {
				left, err := s.leftovers(t.Context())
				require.NoError(t, err)
				return len(left)
			})
		}
		report(t, "start to first byte, cold, "+name, cold)
		report(t, "start to first byte, warm, "+name, warm)
	}
	s.measureMemory()
	s.measureSpeed()
}

// firstByte is the time from the start of a fwd-dial to what it hears first.
func (s *space) firstByte(target []string) time.Duration {
	s.t.Helper()
	cmd := s.command("fwd-dial", append(slices.Clone(target), "-q", "echo:7000")...)
	cmd.Stdin = strings.NewReader("x")
	stdout, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	begin := time.Now()
	require.NoError(s.t, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, 1))
	took := time.Since(begin)
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Wait())
	return took
}

// measureMemory says what both ends hold with and without streams.
func (s *space) measureMemory() {
	agent, _ := s.quietAgent()
	now, _ := agent.resident()
	s.t.Logf("agent, no client: %.1f MiB resident", now)
	forward, addrs := s.forward(1, "-L", "0:echo:7000")
	say := func(what string) {
		there, _ := agent.resident()
		here, _ := forward.process().resident()
		s.t.Logf("%s: agent %.1f MiB resident, fwd-dial %.1f MiB", what, there, here)
	}
	s.reach(addrs[0])
	say("no stream")
	var conns []net.Conn
	for range 1000 {
		conn := s.dial(addrs[0])
		require.NoError(s.t, talk(conn))
		conns = append(conns, conn)
	}
	say("1000 open streams")
	for _, conn := range conns {
		conn.Close()
	}
	s.reach(addrs[0])
	forward.stop()
}

// measureSpeed compares bulk data and round trips with kubectl port-forward,
// which reaches the same ports of the same pods.
func (s *space) measureSpeed() {
	const size = 256 * mib
	ways := []struct {
		name               string
		echo, source, sink string
	}{{name: "fwd-dial -t -L"}, {name: "kubectl port-forward"}}
	for i, pod := range []string{"echo", "source", "sink"} {
		port := []string{"7000", "7001", "7002"}[i]
		_, own := s.forward(1, "-t", "pod/"+pod, "-L", "0:localhost:"+port)
		kubectl := s.start("kubectl", "port-forward", "-n", s.name, "pod/"+pod, ":"+port)
		theirs := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(kubectl.stdout.wait(s, 0))
		*[]*string{&ways[0].echo, &ways[0].source, &ways[0].sink}[i] = own[0]
		*[]*string{&ways[1].echo, &ways[1].source, &ways[1].sink}[i] = theirs
	}
	var up []time.Duration
	both, down, trips := map[string][]time.Duration{}, map[string][]time.Duration{}, map[string][]time.Duration{}
	for range 5 {
		for _, way := range ways {
			begin := time.Now()
			n, err := io.Copy(io.Discard, s.dial(way.source))
			require.NoError(s.t, err)
			require.EqualValues(s.t, size, n)
			down[way.name] = append(down[way.name], time.Since(begin))

			// There and back at once: kubectl port-forward would lose the answer
			// of a sink that waits for the end of data.
			begin = time.Now()
			conn := s.dial(way.echo)
			errc := make(chan error, 1)
			go func() {
				_, err := io.CopyN(conn, zeros{}, size)
				errc <- err
			}()
			copied(s.t, io.Discard, conn, size)
			require.NoError(s.t, <-errc)
			both[way.name] = append(both[way.name], time.Since(begin))

			conn = s.dial(way.echo)
			for range 200 {
				begin = time.Now()
				_, err = conn.Write(make([]byte, 1))
				require.NoError(s.t, err)
				_, err = io.ReadFull(conn, make([]byte, 1))
				require.NoError(s.t, err)
				trips[way.name] = append(trips[way.name], time.Since(begin))
			}
		}
		begin := time.Now()
		conn := s.dial(ways[0].sink)
		_, err := io.CopyN(conn, zeros{}, size)
		require.NoError(s.t, err)
		require.NoError(s.t, conn.CloseWrite())
		_, err = io.ReadAll(conn)
		require.NoError(s.t, err)
		up = append(up, time.Since(begin))
	}
	report(s.t, "256 MiB up, "+ways[0].name, up)
	for _, way := range ways {
		report(s.t, "256 MiB down, "+way.name, down[way.name])
		report(s.t, "256 MiB up and back, "+way.name, both[way.name])
		report(s.t, "round trip of a byte, "+way.name, trips[way.name])
	}
}

// report logs the median of times and what lies around it.
func report(t *testing.T, what string, times []time.Duration) {
	slices.Sort(times)
	t.Logf("%s: median %v of %d, from %v to %v", what, times[len(times)/2], len(times), times[0], times[len(times)-1])
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
