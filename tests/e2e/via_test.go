//go:build e2e

package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command that finds no agent begins with the link that is there first, and
// what comes later goes over the faster one; the next command knows that one.
func TestAutoMovesToTheFasterLink(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	const size = 192 * mib
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", strconv.Itoa(size))
	bulk, echo := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	b := s.start("fwd-dial", "-v", "-t", "pod/echo", "-L", bulk+":source:7001", "-L", echo+":localhost:7000")
	s.eventually("a local port", func(contextT) error {
		conn, err := net.Dial("tcp", echo)
		if err == nil {
			conn.Close()
		}
		return err
	})

	conn := s.dial(bulk) // before there is any link
	got := sha256.New()
	copied(t, got, conn, mib)
	s.eventually("the faster link", func(contextT) error { return b.complains("via proxy") })
	first, _, _ := strings.Cut(b.stderr.String(), "via proxy")
	assert.Contains(t, first, "via portforward")
	assert.Len(t, s.proxied("echo"), 1, "connections of the API server to the agent")
	for range 20 {
		s.reach(echo)
	}
	copied(t, got, conn, size-mib)
	rest, err := io.Copy(io.Discard, conn)
	require.NoError(t, err)
	assert.Zero(t, rest, "bytes too many")
	assert.Equal(t, patternSum(size), got.Sum(nil), "hash of the transfer that began at once")
	conn.Close()
	// The first link, which ends in the pod, is gone with its last connection.
	s.eventuallyEqual("connections in the pod", 1, s.agentProcess().connections)
	assert.NotContains(t, b.stderr.String(), "lost")

	s.eventually("a command that goes via proxy at once", func(contextT) error {
		r := s.run(strings.NewReader("hello\n"), "fwd-dial", "-v", "-t", "pod/echo", "localhost:7000")
		assert.Equal(t, "hello\n", s.ok(r))
		if !strings.Contains(r.stderr, "via proxy") || strings.Contains(r.stderr, "via portforward") {
			return errors.New(r.stderr)
		}
		return nil
	})
	assert.Len(t, s.ephemeral("echo"), 1, "agents that were launched")
}

// Whatever commands do, they do via proxy.
func TestEverythingWorksViaProxy(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	flags := []string{"-v", "--via", "proxy", "-t", "pod/web"}
	assertVia := func(s *space, stderr string) {
		s.t.Helper()
		assert.Contains(s.t, stderr, "via proxy")
		assert.NotContains(s.t, stderr, "via portforward")
	}
	t.Run("standard input and output", func(t *testing.T) {
		s := s.with(t)
		r := s.run(strings.NewReader("GET /a HTTP/1.0\r\n\r\n"), "fwd-dial", append(flags, "web:80")...)
		assert.Contains(t, s.ok(r), "pod: GET /a")
		assertVia(s, r.stderr)
	})
	t.Run("a local port", func(t *testing.T) {
		s := s.with(t)
		b, addrs := s.forward(1, append(flags, "-L", "0:web:80")...)
		answer, err := http.Get("http://" + addrs[0] + "/b")
		require.NoError(t, err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		assert.Contains(t, string(text), "pod: GET /b")
		assertVia(s, b.stderr.String())
		assert.Len(t, s.proxied("web"), 1, "connections of the API server to the agent")
	})
	t.Run("names", func(t *testing.T) {
		s := s.with(t)
		r := s.run(nil, "fwd-resolve", append(flags, "web")...)
		assert.NotEmpty(t, s.ok(r))
		assertVia(s, r.stderr)
	})
	t.Run("what is taken from the pod", func(t *testing.T) {
		s := s.with(t)
		b := s.listen(1, append(flags, "--steal", "80:"+s.local())...)
		assert.Contains(t, s.call("http://web/c"), "laptop: GET /c")
		assertVia(s, b.stderr.String())
		b.stop()
		s.noRules("web")
		assert.Contains(t, s.call("http://web/d"), "pod: GET /d")
	})
	t.Run("copies of it", func(t *testing.T) {
		s := s.with(t)
		local := s.start("peer", "serve", "-host", "127.0.0.1", "-port", "0", "-name", "laptop")
		b := s.listen(1, append(flags, "80:"+listeningOn.FindStringSubmatch(local.stderr.wait(s, 0))[1])...)
		assert.Contains(t, s.call("http://web/e"), "pod: GET /e")
		s.eventually("the copy", func(contextT) error { return local.says("laptop: GET /e", 1) })
		assertVia(s, b.stderr.String())
	})
}

// Six transfers at once share three links, and all that comes is right.
func TestParallelLinks(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	const size = 48 * mib
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", strconv.Itoa(size))
	want := patternSum(size)
	for _, via := range []string{"portforward", "proxy"} {
		t.Run(via, func(t *testing.T) {
			s := s.with(t)
			b, addrs := s.forward(1, "-v", "--via", via, "--parallel", "3", "-t", "pod/source", "-L", "0:localhost:7001")
			// They are there before connections are.
			s.eventually("three links", func(contextT) error {
				if n := strings.Count(b.stderr.String(), "via "+via); n != 3 {
					return fmt.Errorf("%d: %s", n, b.stderr)
				}
				return nil
			})
			sums := make(chan string, 6)
			for range 6 {
				conn := s.dial(addrs[0])
				go func() {
					got := sha256.New()
					n, err := io.Copy(got, conn)
					sums <- fmt.Sprintf("%d %x %v", n, got.Sum(nil), err)
				}()
			}
			for range 6 {
				assert.Equal(t, fmt.Sprintf("%d %x %v", size, want, nil), <-sums)
			}
			assert.Equal(t, 3, strings.Count(b.stderr.String(), "via "+via), "links: %s", b.stderr)
			if via == "proxy" {
				carried := s.proxied("source")
				require.Len(t, carried, 3, "connections of the API server to the agent")
				for _, n := range carried {
					assert.Greater(t, n, int64(size*3/2), "bytes of one of them, when two transfers would be %d", 2*size)
				}
			}
		})
	}
}

// proxied is what the node, and with it the API server, has read of each of its
// connections to the second port of agents in a pod.
func (s *space) proxied(pod string) (bytes []int64) {
	s.t.Helper()
	filter := fmt.Sprintf("dst %s and dport ge :%d", s.podIP(pod), firstAgentPort)
	for line := range strings.Lines(s.onNode("ss", "-HOtni", "state", "established", filter)) {
		n := int64(0)
		if m := bytesReceived.FindStringSubmatch(line); m != nil {
			n, _ = strconv.ParseInt(m[1], 10, 64)
		}
		bytes = append(bytes, n)
	}
	return bytes
}

var bytesReceived = regexp.MustCompile(`bytes_received:(\d+)`)

// firstAgentPort is the lowest that an agent listens on.
const firstAgentPort = 61000

// patternSum is the hash of what a source of n bytes sends.
func patternSum(n int64) []byte {
	h := sha256.New()
	io.CopyN(h, rand.NewChaCha8([32]byte{}), n)
	return h.Sum(nil)
}
