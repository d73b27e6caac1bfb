//go:build e2e

package e2e

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A plain port-forward reaches a pod's own ports, puts nothing into the cluster
// and has the limits that its man page states; within them it tells the truth.
func TestWithoutAnAgent(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.web("py-serv")
	s.backend("echo", 7000, "echo")
	s.backend("source", 7000, "source", "-bytes", "300000000")
	s.backend("slow", 7000, "halfclose", "-wait", "1ms")
	s.backend("reset", 7000, "reset", "-bytes", "65536", "-wait", "1s")

	t.Run("standard input and output", func(t *testing.T) {
		r := s.with(t).shell(`printf 'GET / HTTP/1.0\r\n\r\n' | fwd-dial --no-agent -t deploy/py-serv localhost:80 | tail -n 1`)
		assert.Equal(t, "hello from py-serv\n", s.ok(r))
		assert.Equal(t, "fwd-dial: using pod/"+s.podsOf("py-serv")[0]+" without an agent\n", r.stderr)
	})
	t.Run("every byte, long after the end of input", func(t *testing.T) {
		r := s.with(t).shell(`fwd-dial --no-agent -t source 127.0.0.1:7000 </dev/null | wc -c`)
		assert.Equal(t, "300000000\n", s.ok(r))
	})
	t.Run("local ports", func(t *testing.T) {
		s := s.with(t)
		_, web := s.forward(1, "--no-agent", "-t", "svc/py-serv", "-L", "0:localhost:80")
		for range 5 {
			assert.Equal(t, "hello from py-serv\n", s.ok(s.run(nil, "curl", "-sS", "--fail", "http://"+web[0]+"/")))
		}
		_, echo := s.forward(1, "--no-agent", "-t", "echo", "-L", "0:localhost:7000")
		var conns []net.Conn
		for range 5 {
			conns = append(conns, s.dial(echo[0]))
		}
		for _, conn := range conns {
			require.NoError(t, talk(conn))
		}
	})
	t.Run("failures", func(t *testing.T) { // until its parallel subtests have ended
		for _, tt := range []struct {
			name, pod, address, says string
			heard                    int
		}{
			{"nothing listens", "echo", "localhost:9", "localhost:9: connection refused", 0},
			{"a reset", "reset", "localhost:7000", "localhost:7000: connection reset by peer", 64 << 10},
			{"a peer that waits for the end of input", "slow", "localhost:7000", "localhost:7000: cut off: nothing came for 10s after the end of input", 0},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				r := s.with(t).run(strings.NewReader("hello"), "fwd-dial", "--no-agent", "-t", tt.pod, tt.address)
				assert.Equal(t, 1, r.code)
				assert.Len(t, r.stdout, tt.heard)
				assert.Contains(t, r.stderr, "fwd-dial: error: "+tt.says)
			})
		}
	})
	assert.Empty(t, s.jobs(t.Context()))
	for _, pod := range []string{"echo", "source", "slow", "reset", s.podsOf("py-serv")[0]} {
		assert.Empty(t, s.ephemeral(pod), "agents in pod %s", pod)
	}
}
