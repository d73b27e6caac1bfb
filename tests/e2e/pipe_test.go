//go:build e2e

package e2e

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var socatListens = regexp.MustCompile(`listening on \S+ (127\.0\.0\.1:\d+)`)

// socat makes of fwd-dial whatever socat can make of a program, here a port.
func TestSocatUnderCurl(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.web("py-serv")
	for _, tt := range []struct{ name, options string }{
		{"by a socket", ""},
		{"by pipes", ",pipes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.with(t)
			socat := s.start("socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork", "EXEC:'fwd-dial py-serv:80'"+tt.options)
			var addr string
			s.eventually("socat", func(context.Context) error {
				m := socatListens.FindStringSubmatch(socat.stderr.String())
				if m == nil {
					return errors.New("does not listen")
				}
				addr = m[1]
				return nil
			})
			var curls []*background
			for range 10 {
				curls = append(curls, s.start("curl", "-sS", "--fail", "http://"+addr+"/"))
			}
			for _, curl := range curls {
				assert.Zero(t, curl.wait(), "exit code of curl")
				assert.Equal(t, "hello from py-serv\n", curl.stdout.String())
			}
		})
	}
	assert.Len(t, s.jobs(t.Context()), 1, "agents that were launched")
}

// In a pipe, fwd-dial's exit code is the truth about the connection.
func TestShellPipes(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.web("py-serv")
	s.backend("source", 7000, "source", "-bytes", "67108864")
	s.backend("reset", 7000, "reset", "-bytes", "65536", "-wait", "1s")
	for _, tt := range []struct {
		name, script, want string
		code               int
	}{
		{
			name:   "what a web server says",
			script: `printf 'GET / HTTP/1.0\r\n\r\n' | fwd-dial py-serv:80 | tail -n 1`,
			want:   "hello from py-serv\n",
		},
		{
			name:   "every byte",
			script: `fwd-dial source:7000 </dev/null | wc -c`,
			want:   "67108864\n",
		},
		{
			name:   "a peer that resets fails the pipe, after what it said",
			script: `fwd-dial reset:7000 </dev/null | wc -c`,
			want:   "65536\n", code: 1,
		},
		{
			name:   "a reset in the middle of the pipe stops what depends on it",
			script: `fwd-dial reset:7000 </dev/null >copy && echo complete`,
			code:   1,
		},
		{
			name:   "a reader that has seen enough is no failure",
			script: `fwd-dial source:7000 </dev/null | head -c 10 | wc -c`,
			want:   "10\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.with(t)
			r := s.shell("cd " + t.TempDir() + "\n" + tt.script)
			assert.Equal(t, tt.code, r.code, "exit code; stderr: %s", r.stderr)
			assert.Equal(t, tt.want, r.stdout)
			if tt.code != 0 {
				assert.Equal(t, 1, strings.Count(r.stderr, "fwd-dial: error: reset:7000: connection reset by peer"), "%s", r.stderr)
			}
		})
	}
}

// web runs the smallest web server there is behind a Service, which says hello.
func (s *space) web(name string) {
	s.t.Helper()
	spec := podSpec(80, "sh", "-c", "mkdir /srv/web && cd /srv/web && echo hello from "+name+" >index.html && exec python3 -m http.server 80")
	s.deployment(name, 1, spec)
	s.service(name, 80)
	require.Len(s.t, s.podsOf(name), 1)
}
