//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ten thousand requests under load: each is copied, or counted as lost.
func TestMirrorAccountsForEveryRequest(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	var mu sync.Mutex
	seen := map[string]int{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.URL.Path]++
	})}
	go server.Serve(ln)
	defer server.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	mirror := s.listen(1, "-v", "-t", "pod/web", "80:"+port)

	const n = 10000
	out := s.inPod("caller", nil, "peer", "load", "-url", "http://web", "-n", strconv.Itoa(n), "-fresh")
	assert.Contains(t, out, fmt.Sprintf("answered=map[pod:%d] failed=0", n))
	s.eventually("every request accounted for", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if lost := lostCopies(mirror); len(seen)+lost < n {
			return fmt.Errorf("%d requests were copied, %d lost", len(seen), lost)
		}
		return nil
	})
	mirror.stop()
	mu.Lock()
	defer mu.Unlock()
	for path, times := range seen {
		require.Equal(t, 1, times, path)
	}
	t.Logf("of %d requests %d were copied, %d counted as lost; %s", n, len(seen), lostCopies(mirror), out)
}

var lostNumber = regexp.MustCompile(`(\d+) lost`)

// lostCopies is the number that a mirror has last said.
func lostCopies(b *background) int {
	all := lostNumber.FindAllStringSubmatch(b.stderr.String(), -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1])
	return n
}

// A local process that does not read costs the pod's callers nothing, and its
// copy ends with a word.
func TestSlowMirrorDoesNotSlowThePod(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("sink", 7000, "sink", "-port", "7000")
	s.caller()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: what the kernel does not take waits
	require.NoError(t, err)
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	mirror := s.listen(1, "-t", "pod/sink", "7000:"+port)
	out := s.inPod("caller", nil, "sh", "-c", "head -c 200000000 /dev/zero | ncat sink 7000")
	assert.Contains(t, out, "bytes=200000000")
	s.eventually("a word on the copy", func(context.Context) error { return mirror.complains("broke off") })
}

// A filter of a mirror chooses requests out of connections, of both versions.
func TestMirrorOfRequestsThatMatch(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	local := s.start("peer", "serve", "-host", "127.0.0.1", "-port", "0", "-name", "laptop")
	s.listen(1, "--http-header", "x-user: alice", "-t", "pod/web", "80:"+listeningOn.FindStringSubmatch(local.stderr.wait(s, 0))[1])
	for i, flags := range [][]string{nil, {"-h2"}} {
		command := append([]string{"peer", "ask", "-url", "http://web", "-header", "x-user: alice"}, flags...)
		out := s.inPod("caller", nil, append(command, "GET /a", "+POST /b body", "GET /c", "+GET /d")...)
		assert.Equal(t, 4, strings.Count(out, "pod: "))
		s.eventually("two copies", func(context.Context) error { return local.says("laptop: ", 2*(i+1)) })
	}
	for _, want := range []string{"POST /b HTTP/1.1", "GET /d HTTP/1.1", "POST /b HTTP/2.0", "GET /d HTTP/2.0"} {
		assert.Equal(t, 1, strings.Count(local.stdout.String(), want), want)
	}
}
