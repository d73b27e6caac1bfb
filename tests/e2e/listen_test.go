//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// As nc -l: one connection, then the end; -k goes on.
func TestListenToStandardOutput(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	t.Run("a copy of one", func(t *testing.T) {
		s := s.with(t)
		b := s.start("fwd-listen", "-t", "pod/web", "80")
		b.said("pod/web")
		assert.Contains(t, s.call("http://web/one"), "pod:")
		assert.Zero(t, b.wait())
		assert.True(t, strings.HasPrefix(b.stdout.String(), "GET /one HTTP/1.1\r\n"), b.stdout)
		assert.Equal(t, 1, strings.Count(b.stdout.String(), "GET"))
	})
	t.Run("copies of all, until the reader has enough", func(t *testing.T) {
		s := s.with(t)
		b := s.start("bash", "-c", "set -o pipefail; fwd-listen -k -t pod/web 80 | grep -m 3 --line-buffered GET; echo ${PIPESTATUS[0]}")
		b.said("pod/web")
		for _, path := range []string{"/1", "/2", "/3"} {
			s.call("http://web" + path)
		}
		s.call("http://web/4") // its copy meets a closed pipe
		require.Zero(t, b.wait())
		assert.Equal(t, "GET /1 HTTP/1.1\r\nGET /2 HTTP/1.1\r\nGET /3 HTTP/1.1\r\n0\n", b.stdout.String())
	})
	t.Run("an answer typed by hand", func(t *testing.T) {
		s := s.with(t)
		cmd := s.command("fwd-listen", "--steal", "-t", "pod/web", "80")
		cmd.Stdin = strings.NewReader("HTTP/1.0 200 OK\r\n\r\nby hand\n")
		b := s.background(cmd)
		b.said("pod/web")
		s.eventually("the rule", func(ctx contextT) error { return s.stolen("web") })
		assert.Equal(t, "by hand\n", s.call("http://web/"))
		assert.Zero(t, b.wait())
		s.noRules("web")
	})
}

func TestListenCommandPerConnection(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	s.caller()
	b := s.start("fwd-listen", "--steal", "-t", "pod/echo", "7000", "--",
		"sh", "-c", `echo "$PROTO $TCPREMOTEIP $TCPLOCALIP:$TCPLOCALPORT"; tr a-z A-Z`)
	b.said("pod/echo")
	s.eventually("the rule", func(contextT) error { return s.stolen("echo") })
	for range 2 {
		out := s.inPod("caller", strings.NewReader("hello\n"), "ncat", "echo", "7000")
		assert.Equal(t, "TCP "+s.podIP("caller")+" "+s.podIP("echo")+":7000\nHELLO\n", out)
	}
	b.stop()
	s.noRules("echo")
}

func TestListenRecords(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	t.Run("jsonl", func(t *testing.T) {
		s := s.with(t)
		b := s.start("fwd-listen", "--format", "jsonl", "-t", "pod/web", "80")
		b.said("pod/web")
		s.call("http://web/a")
		s.call("http://web/b")
		s.eventually("two ends", func(contextT) error { return b.says(`"close"`, 2) })
		b.stop()
		type event struct{ Event, Caller, Local, Text string }
		var events []event
		for line := range strings.Lines(b.stdout.String()) {
			var e event
			require.NoError(t, json.Unmarshal([]byte(line), &e), line)
			events = append(events, e)
		}
		require.Len(t, events, 6, b.stdout)
		assert.Equal(t, "open", events[0].Event)
		assert.Contains(t, events[0].Caller, s.podIP("caller")+":")
		assert.Equal(t, s.podIP("web")+":80", events[0].Local)
		assert.Contains(t, events[1].Text, "GET /a HTTP/1.1\r\n")
	})
	t.Run("pcap", func(t *testing.T) {
		s := s.with(t)
		file := t.TempDir() + "/out"
		b := s.start("bash", "-c", "fwd-listen --format pcap -t pod/web 80 | tcpdump -nn -A -l -r - >"+file)
		b.said("pod/web")
		s.call("http://web/a")
		s.eventually("packets", func(contextT) error {
			text, err := os.ReadFile(file)
			if err == nil && !(strings.Contains(string(text), "GET /a HTTP/1.1") && strings.Contains(string(text), "[S]")) {
				err = b.says("never", 1)
			}
			return err
		})
		b.stop()
	})
}
