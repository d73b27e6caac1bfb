//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A local name server gives what dig in the pod gets.
func TestResolveServesDNS(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("asker", asks(podSpec(0, "workload", "idle"), s.nameServer(), "timeout:30"))
	b := s.start("fwd-resolve", "-t", "pod/asker", "--serve", "127.0.0.1:0")
	addr := b.stdout.wait(s, 0)
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err, "line %q", addr)
	dig := func(s *space, args ...string) string {
		s.t.Helper()
		return s.ok(s.run(nil, "dig", append([]string{"@" + host, "-p", port, "+noall"}, args...)...))
	}

	for _, question := range []string{
		"www.test A", "www.test AAAA", "other.test A", "other.test CNAME", "test MX", "test TXT", "test NS", "test SOA",
		"test CAA", "www.test HTTPS", "many512.test A", "many4096.test A",
	} {
		t.Run(question, func(t *testing.T) {
			s := s.with(t)
			q := strings.Fields(question)
			want := s.inPod("asker", nil, append([]string{"dig", "+noall", "+answer"}, q...)...)
			require.NotEmpty(t, want)
			for _, transport := range []string{"+notcp", "+tcp"} {
				assert.Equal(t, sorted(want), sorted(dig(s, append(q, "+answer", transport)...)), transport)
			}
		})
	}
	t.Run("what is too long for UDP is cut and says so", func(t *testing.T) {
		s := s.with(t)
		for _, tt := range []struct{ name, size string }{
			{"many512.test", "+noedns"}, {"many4096.test", "+bufsize=4096"},
		} {
			udp := dig(s, tt.name, "+comments", "+stats", "+ignore", "+notcp", tt.size)
			assert.Regexp(t, `flags: [a-z ]*\btc\b`, udp, tt.name)
		}
		assert.NotRegexp(t, `flags: [a-z ]*\btc\b`, dig(s, "many512.test", "+comments", "+ignore", "+notcp", "+bufsize=4096"))
	})
	t.Run("names are searched for", func(t *testing.T) {
		assert.Contains(t, dig(s.with(t), "intra", "+answer"), "intra.corp.test.\t300\tIN\tA\t192.0.2.3\n")
	})
	t.Run("failures", func(t *testing.T) {
		s := s.with(t)
		assert.Contains(t, dig(s, "no-such-name.test", "+comments"), "status: NXDOMAIN")
		assert.Contains(t, dig(s, "name.of.another.zone.example", "+comments"), "status: REFUSED")
	})
	t.Run("a name that nobody answers delays no other", func(t *testing.T) {
		s := s.with(t)
		silent := s.start("dig", "@"+host, "-p", port, "+time=60", "+tries=1", "www.silent.test")
		for i := range 10 {
			transport := []string{"+notcp", "+tcp"}[i%2]
			assert.Contains(t, dig(s, "www.test", "+answer", transport), "192.0.2.2")
		}
		select {
		case <-silent.done:
			t.Error("it has ended already: this has shown nothing")
		default:
		}
	})
	t.Run("a port that is taken", func(t *testing.T) {
		r := s.with(t).run(nil, "fwd-resolve", "--serve", addr)
		assert.Equal(t, 1, r.code)
		assert.Contains(t, r.stderr, "address already in use")
		assert.Empty(t, s.jobs(t.Context()), "an agent was launched for it")
	})
	assert.Equal(t, 130, b.stop())
}

// A resolver that fails is not a name that does not exist.
func TestResolveFailsWhenTheResolverDoes(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	server := s.nameServer()
	s.pod("asker", asks(podSpec(0, "workload", "idle"), server, "timeout:1", "attempts:1"))
	s.pod("alone", asks(podSpec(0, "workload", "idle"), "127.0.0.1"))
	for _, tt := range []struct{ name, pod, ask, says string }{
		{"nobody listens", "alone", "www.test", "asking 127.0.0.1: connection refused"},
		{"no answer", "asker", "www.silent.test", "timeout asking " + server},
		{"refused", "asker", "www.example.org.", "REFUSED from " + server},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.with(t).run(nil, "fwd-resolve", "-t", "pod/"+tt.pod, tt.ask)
			assert.Equal(t, 1, r.code)
			assert.Empty(t, r.stdout)
			assert.Contains(t, r.stderr, fmt.Sprintf("resolve %s: %s", tt.ask, tt.says))
		})
	}
	r := s.run(nil, "fwd-resolve", "-t", "pod/asker", "no-such-name.test", "www.silent.test", "www.test")
	assert.Equal(t, 1, r.code, "of several, a failure goes before a name that does not exist")
	assert.Equal(t, "www.test\t192.0.2.2\nwww.test\t2001:db8::2\n", r.stdout)
}
