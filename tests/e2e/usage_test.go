//go:build e2e

package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is wrong with a command line is said before anything is launched.
func TestWrongUseLaunchesNothing(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo"))
	for _, tt := range []struct{ args, names string }{
		{"-L 3030:1.2.3.4:3038:2027", `-L "3030:1.2.3.4:3038:2027": `},
		{"-L 1.2.3.4:3030:3038", `-L "1.2.3.4:3030:3038": `},
		{"-L 9000:h:0", `-L "9000:h:0": remote port: `},
		{"-L 3o3o:h:80", `-L "3o3o:h:80": local port: `},
		{"-L 30303030:h:80", `-L "30303030:h:80": local port: `},
		{"-L 0:localhost:7000 -L 0:h:http", `-L "0:h:http": remote port: `},
		{"-L ''", `-L "": is empty`},
		{"-L 9000:a:80 -L 9000:b:80", `-L "127.0.0.1:9000:b:80": `},
		{"''", `want HOST:PORT or -L`},
		{"", `want HOST:PORT or -L`},
		{"localhost", `address "localhost": `},
		{"localhost:0", `address "localhost:0": port: `},
		{"localhost:7000 -L 0:localhost:7000", `want either HOST:PORT or -L, not "localhost:7000" and -L`},
		{"-t deploy/ localhost:7000", `target "deploy/": `},
		{"-t pod/a/b localhost:7000", `target "pod/a/b": `},
		{"-t pot/echo localhost:7000", `target "pot/echo": unknown kind "pot", did you mean pod?`},
		{"-t echo -c Side localhost:7000", `"Side"`},
		{"--no-agent echo:7000", `--no-agent `},
		{"--no-agent -t echo py-serv:80", `--no-agent reaches only localhost of the target, not "py-serv"`},
		{"--agent-toleration =x localhost:7000", `"=x"`},
		{"--agent-idle never localhost:7000", `--agent-idle`},
		{"--via pigeon localhost:7000", `--via`},
		{"--parallel 0 localhost:7000", `--parallel 0: want 1 to 16`},
		{"--parallel 17 localhost:7000", `--parallel 17: want 1 to 16`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			s := s.with(t)
			for _, target := range []string{"", "export FWD_TARGET=pod/echo\n"} {
				if target != "" && strings.Contains(tt.names, "--no-agent ") {
					continue
				}
				r := s.shell(target + "fwd-dial " + tt.args)
				assert.Equal(t, 2, r.code, "%s", r.stderr)
				assert.Empty(t, r.stdout)
				assert.Contains(t, r.stderr, "fwd-dial: error: ")
				assert.Contains(t, r.stderr, tt.names)
			}
		})
	}
	s.assertNothingLaunched("echo")
}

// A busy port is found before an agent exists.
func TestBusyLocalPort(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	for _, more := range [][]string{nil, {"-t", "echo"}, {"--no-agent", "-t", "echo"}, {"-L", "0:localhost:7001"}} {
		busy := ln.Addr().String() + ":localhost:7000"
		r := s.run(nil, "fwd-dial", append(more, "-L", busy)...)
		assert.Equal(t, 1, r.code)
		assert.Empty(t, r.stdout)
		assert.Regexp(t, "^fwd-dial: error: -L "+busy+": .*address already in use\n"+
			"fwd-dial: hint: choose another local port, or 0 to have one chosen\n$", r.stderr)
	}
	s.assertNothingLaunched("echo")
}

// assertNothingLaunched looks for any trace of an agent.
func (s *space) assertNothingLaunched(pod string) {
	s.t.Helper()
	assert.Empty(s.t, s.jobs(s.t.Context()), "Jobs")
	assert.Empty(s.t, s.ephemeral(pod), "ephemeral containers")
	_, err := os.Stat(filepath.Join(s.state, "fwd", "agents"))
	assert.ErrorIs(s.t, err, os.ErrNotExist, "records")
}
