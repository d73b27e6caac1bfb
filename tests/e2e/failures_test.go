//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// Each way in which a connection can fail has its message and its exit code, and
// is nobody else's business.
func TestConnectionsThatFail(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo")
	s.newService("nobody", 80) // no pod is behind it
	s.routed("nobody:main has no endpoints")
	s.full("full")
	fullIP := s.podIP("full")
	absent := s.absentAddress()
	failures := []struct {
		name, address string
		code          int
		says          string
	}{
		{"nothing listens", "localhost:9", 1, "connection refused"},
		{"a Service without a pod", "nobody:80", 1, "connection refused"},
		{"no such name", "no-such-name:80", 5, "lookup no-such-name on .*:53: no such host"},
		{"no such name anywhere", "no-such-name.invalid:80", 5, "lookup no-such-name.invalid on .*:53: no such host"},
		{"no route in the pod", "[2001:db8::1]:80", 1, "network is unreachable"},
		{"no such host in a network", absent + ":80", 1, "no route to host"},
		{"no answer", fullIP + ":7000", 1, "timed out"},
	}
	routes := []string{"-L", "0:echo:7000"}
	for _, f := range failures {
		routes = append(routes, "-L", "0:"+f.address)
	}
	forward, addrs := s.forward(1+len(failures), routes...)
	other := s.dial(addrs[0])
	require.NoError(t, talk(other))

	t.Run("all", func(t *testing.T) { // until its parallel subtests have ended
		for i, f := range failures {
			want := fmt.Sprintf("error: %s: ", f.address)
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				r := s.with(t).run(strings.NewReader("hello"), "fwd-dial", f.address)
				assert.Equal(t, f.code, r.code, "exit code")
				assert.Empty(t, r.stdout)
				assert.Regexp(t, "^fwd-dial: error: .*: .*"+f.says+"\n", r.stderr)
				assert.Contains(t, r.stderr, want)
				assert.Equal(t, f.code == 5, strings.Contains(r.stderr, "hint: names are looked up in the pod"), "%s", r.stderr)
			})
			t.Run(f.name+", on a local port", func(t *testing.T) {
				t.Parallel()
				s := s.with(t)
				s.assertReset(s.dial(addrs[i+1]))
				s.eventually("the reason on stderr", func(context.Context) error {
					if log := forward.stderr.String(); !strings.Contains(log, "-> "+f.address+": ") {
						return fmt.Errorf("not in %q", log)
					}
					return nil
				})
			})
		}
	})
	for _, f := range failures {
		assert.Regexp(t, "(?m)^fwd-dial: error: .* -> .*"+f.says+"$", forward.stderr.String())
	}
	require.NoError(t, talk(other), "a connection that was there before")
	s.assertAlive(other)
	s.reach(addrs[0])
	assert.Len(t, s.jobs(t.Context()), 1, "agents that were launched")
}

// full is a pod whose port 7000 has a listener that accepts nothing, and whose
// queue is full: it is silent to whoever connects.
func (s *space) full(name string) {
	s.t.Helper()
	spec := podSpec(0, "python3", "-c", `
import pathlib, socket, signal
ln = socket.create_server(("", 7000), backlog=0)
conns = []
try:
    while True:
        conns.append(socket.create_connection(("127.0.0.1", 7000), timeout=1))
except TimeoutError:
    pathlib.Path("/tmp/full").touch()
signal.pause()`)
	spec.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/tmp/full"}}},
		PeriodSeconds: 1,
	}
	s.pod(name, spec)
}

// absentAddress is an address in the node's own network that nobody has.
func (s *space) absentAddress() string {
	s.t.Helper()
	fields := strings.Fields(s.onNode("ip", "-4", "-oneline", "address", "show", "dev", "eth0")) // 2: eth0 inet 172.18.0.2/16 …
	require.Greater(s.t, len(fields), 3)
	_, network, err := net.ParseCIDR(fields[3])
	require.NoError(s.t, err)
	last := network.IP.To4()
	for i, m := range network.Mask {
		last[i] |= ^m
	}
	addr, ok := netip.AddrFromSlice(last) // the broadcast address
	require.True(s.t, ok)
	return addr.Prev().String()
}
