//go:build e2e

package e2e

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// The sample application of the README, before, while and after.
func TestStealFromADeployment(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("py-serv", 1, podSpec(80, "sh", "-c", "cd /srv && echo 'hello from py-serv' >index.html && exec python3 -m http.server 80"))
	s.service("py-serv", 80)
	s.caller()
	pod := s.podsOf("py-serv")[0]
	assert.Equal(t, "hello from py-serv\n", s.call("http://py-serv/"))

	steal := s.listen(1, "--steal", "-t", "deploy/py-serv", "80:"+s.local())
	assert.Contains(t, steal.stderr.String(), pod)
	answer := s.call("http://py-serv/x")
	assert.Contains(t, answer, "laptop: GET /x HTTP/1.1")
	assert.Equal(t, []corev1.Capability{"NET_ADMIN"}, s.capabilities(pod))
	t.Run("callers inside the pod, too", func(t *testing.T) {
		s := s.with(t)
		for _, host := range []string{"localhost", "127.0.0.1", s.podIP(pod)} {
			assert.Contains(t, s.inPod(pod, nil, "curl", "-sS", "http://"+host+"/"), "laptop:", host)
		}
	})

	assert.Equal(t, 130, steal.stop())
	assert.Equal(t, "hello from py-serv\n", s.call("http://py-serv/"))
	s.noRules(pod)
}

func TestMirrorLeavesAnswersToThePod(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	local := s.start("peer", "serve", "-host", "127.0.0.1", "-port", "0", "-name", "laptop")
	port := listeningOn.FindStringSubmatch(local.stderr.wait(s, 0))[1]
	mirror := s.listen(1, "-t", "pod/web", "80:"+port)
	assert.Contains(t, strings.ToLower(mirror.stderr.String()), "mirror")
	assert.Contains(t, s.call("http://web/x"), "pod: GET /x")
	assert.Equal(t, []corev1.Capability{"NET_RAW"}, s.capabilities("web"))
	assert.Empty(t, s.rules("web"))
}

// What was there before stays with the pod, in both modes.
func TestEstablishedConnectionsStay(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.caller()
	ask, conn := s.connection("echo", 7000)
	ask("one")
	for _, mode := range []string{"--mirror", "--steal"} {
		listen := s.listen(1, mode, "-t", "pod/echo", "7000:9")
		ask("during " + mode)
		listen.stop()
		ask("after " + mode)
	}
	s.noRules("echo")
	listen := s.listen(1, "--steal", "--reset-existing", "-t", "pod/echo", "7000:9")
	conn.ends()
	listen.stop()
}

// A server that speaks first does so at once, and half-close goes both ways.
func TestStealOfServersThatSpeakFirst(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("db", 6379, "banner", "-port", "6379")
	s.caller()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	heard := make(chan string, 100)
	go func() {
		for { // the pod's probe comes, too
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, "laptop first\n")
				conn.(*net.TCPConn).CloseWrite()
				if b, _ := io.ReadAll(conn); len(b) > 0 {
					heard <- string(b)
				}
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s.listen(1, "--steal", "-t", "pod/db", "6379:"+port)
	out := s.inPod("caller", nil, "bash", "-c", "exec 3<>/dev/tcp/db/6379; cat <&3; echo said >&3")
	assert.Equal(t, "laptop first\n", out)
	assert.Equal(t, "said\n", <-heard)
}
