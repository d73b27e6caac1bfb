//go:build e2e

package e2e

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Filters decide per request, on one connection of the caller.
func TestFilterOnOneConnection(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	s.listen(1, "--steal", "--http-header", "x-user: ^alice$", "--not-http-path", "^/health", "-t", "pod/web", "80:"+s.local())
	asks := []string{"GET /a", "+GET /b", "+GET /health", "+POST /c " + strings.Repeat("x", 5000), "GET /d", "+PUT /e body"}
	for name, flags := range map[string][]string{"HTTP/1.1": nil, "HTTP/2": {"-h2"}} {
		t.Run(name, func(t *testing.T) {
			s := s.with(t)
			command := append(append([]string{"peer", "ask", "-url", "http://web", "-header", "X-uSER: alice"}, flags...), asks...)
			var who []string
			for line := range strings.Lines(s.inPod("caller", nil, command...)) {
				f := strings.Fields(line)
				who = append(who, f[0]+f[min(2, len(f)-1)]+f[len(f)-1])
			}
			assert.Equal(t, []string{"pod:/abody=0", "laptop:/bbody=0", "pod:/healthbody=0", "laptop:/cbody=5000",
				"pod:/dbody=0", "laptop:/ebody=4", "connections:11"}, who)
		})
	}
	t.Run("curl", func(t *testing.T) {
		s := s.with(t)
		for _, version := range []string{"--http1.1", "--http1.0", "--http2-prior-knowledge", "--http2"} {
			assert.Contains(t, s.call(version, "http://web/a"), "pod: GET /a", version)
			assert.Contains(t, s.call(version, "-H", "X-User: alice", "http://web/b"), "laptop: GET /b", version)
			assert.Contains(t, s.call(version, "-H", "X-User: alice", "-H", "Expect: 100-continue", "-d", "body", "http://web/c"), "laptop: POST /c", version)
		}
	})
	t.Run("WebSocket", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, "pod: a\npod: b\n", s.inPod("caller", nil, "peer", "ws", "-url", "ws://web/ws", "a", "b"))
		assert.Equal(t, "laptop: a\nlaptop: b\n",
			s.inPod("caller", nil, "peer", "ws", "-url", "ws://web/ws", "-header", "x-user: alice", "a", "b"))
	})
}

func TestFilterOfGRPC(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("grpc", podSpec(50051, "peer", "grpc-serve", "-name", "pod"))
	s.service("grpc", 50051)
	s.caller()
	port := s.localServer("peer", "grpc-serve", "-port", "0", "-name", "laptop")
	s.listen(1, "--steal", "--http-header", "x-user: alice", "-t", "pod/grpc", "50051:"+port)
	round := func(who string) string {
		return fmt.Sprintf("call %[1]s: one trailer=[%[1]s]\nfail rpc error: code = DataLoss desc = as asked trailer=[%[1]s]\n"+
			"stream %[1]s: 0\nstream %[1]s: 1\nstream %[1]s: 2\nend trailer=[%[1]s]\n", who)
	}
	assert.Equal(t, round("pod")+round("laptop"),
		s.inPod("caller", nil, "peer", "grpc", "-addr", "grpc:50051", "-header", "x-user: bob", "-then", "x-user: alice"))
	assert.Equal(t, round("laptop")+round("pod"),
		s.inPod("caller", nil, "peer", "grpc", "-addr", "grpc:50051", "-header", "x-user: alice", "-then", "x-other: alice"))
}

// What does not match, and what is not HTTP, reaches the app as it came.
func TestUnmatchedBytesAreUntouched(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("web", 80, "halfclose", "-port", "80") // says at the end what it has read
	s.caller()
	s.listen(1, "--steal", "--http-header", "x-user: ^alice$", "-t", "pod/web", "80:9")
	for name, text := range map[string]string{
		"odd case, order and space": "GET  /a?b=%20c HTTP/1.1\r\nhOsT:   web\r\nX-uSeR:bob\t\r\ncookie: b\r\nCOOKIE: a\r\n\r\n",
		"several at once":           "GET /1 HTTP/1.1\r\nHost: web\r\n\r\nPOST /2 HTTP/1.1\r\nhost: web\r\nContent-Length: 5\r\n\r\nhelloGET /3 HTTP/1.0\r\n\r\n",
		"chunks":                    "POST /c HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n005;ext=1\r\nhello\r\n00\r\nTrailer: x\r\n\r\n",
		"a bare line feed":          "GET / HTTP/1.1\nHost: web\n\n",
		"no HTTP":                   "\x16\x03\x01\x02\x00\x01\x00",
		"shorter than a method":     "GE",
		"one byte":                  "x",
		"nothing":                   "",
		"one line":                  "PING\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := s.with(t)
			sum := sha256.Sum256([]byte(text))
			out := s.inPod("caller", strings.NewReader(text), "ncat", "web", "80")
			assert.Contains(t, out, digestLine(int64(len(text)), sum[:]))
		})
	}
}
