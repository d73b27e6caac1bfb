//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Whatever dies, the pod answers again, and nothing of us is left in it.
func TestStealEndsWithItsAgent(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	steal := s.listen(1, "--steal", "-t", "pod/web", "80:"+s.local())
	s.answers("laptop", "http://web/")
	agent := s.agentProcess()
	caller := s.callLoop("http://web/")
	agent.signal("KILL")
	killed := time.Now()
	back := caller.next("pod", killed)
	t.Logf("kill -9 of the agent: the pod answers after %v", back.Sub(killed))
	assert.Less(t, back.Sub(killed), 10*time.Second)
	caller.stop()
	t.Run("and is put up again", func(t *testing.T) {
		s := s.with(t)
		s.answers("laptop", "http://web/")
		steal.stop()
		s.answers("pod", "http://web/")
		s.noRules("web")
	})
}

func TestStealEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	steal := s.listen(1, "--steal", "-t", "pod/web", "80:"+s.local())
	s.answers("laptop", "http://web/")
	caller := s.callLoop("http://web/")
	steal.process().signal("KILL")
	killed := time.Now()
	back := caller.next("pod", killed)
	t.Logf("kill -9 of the client: the pod answers after %v", back.Sub(killed))
	assert.Less(t, back.Sub(killed), silence+slack)
	caller.stop()
	s.noRules("web")
}

// The lease: a client that says nothing has 15 seconds.
func TestStealEndsWithASilentClient(t *testing.T) {
	t.Parallel()
	for name, silenced := range map[string]func(s *space, steal *background, way *way) (undo func()){
		"frozen": func(s *space, steal *background, _ *way) func() {
			steal.process().signal("STOP")
			return func() { steal.process().signal("CONT") }
		},
		"cut off": func(_ *space, _ *background, way *way) func() {
			way.freeze(true)
			return func() { way.freeze(false) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, nil)
			s.site("web")
			way := newWay(s)
			steal := s.listen(1, "--kubeconfig", way.kubeconfig, "--steal", "-t", "pod/web", "80:"+s.local())
			t.Cleanup(way.stopAgents)
			s.answers("laptop", "http://web/")
			undo := silenced(s, steal, way)
			begin := time.Now()
			s.answers("pod", "http://web/")
			t.Logf("the pod answers after %v", time.Since(begin))
			assert.Less(t, time.Since(begin), silence+slack)
			s.noRules("web")
			undo()
			s.answers("laptop", "http://web/")
			steal.stop()
			s.noRules("web")
		})
	}
}

// What is under way when somebody presses Ctrl-C is finished.
func TestInterruptedStealFinishesWhatItHas(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	local := s.start("peer", "serve", "-host", "127.0.0.1", "-port", "0", "-name", "laptop")
	steal := s.listen(1, "--steal", "-t", "pod/web", "80:"+listeningOn.FindStringSubmatch(local.stderr.wait(s, 0))[1])
	answer := make(chan string, 1)
	go func() {
		out := newLines()
		if err := s.exec(t.Context(), "caller", nil, out, "curl", "-sS", "http://web/slow"); err != nil {
			answer <- err.Error()
		}
		answer <- out.String()
	}()
	s.eventually("the slow request", func(context.Context) error {
		if n := local.process().sockets(); n < 1 {
			return fmt.Errorf("the server here has %d connections", n)
		}
		return nil
	})
	steal.stop()
	assert.Contains(t, <-answer, "laptop: GET /slow")
	assert.Contains(t, s.call("http://web/"), "pod:")
	s.noRules("web")
}
