//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Commands that start at once, and those that come later, share one agent.
func TestTwentyCommandsShareOneAgent(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"in a target":         "-t pod/echo localhost:7000",
		"in a pod of its own": "echo:7000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, nil)
			s.backend("echo", 7000, "echo", "-port", "7000")
			r := s.shell(fmt.Sprintf(`
				for i in $(seq 10 29); do
					echo "hello $i" | fwd-dial %s & pids+=" $!"
				done
				for pid in $pids; do wait $pid; done
				echo "hello 30" | fwd-dial %[1]s`, args))
			var want strings.Builder
			for i := 10; i <= 30; i++ {
				fmt.Fprintf(&want, "hello %d\n", i)
			}
			assert.Equal(t, want.String(), sorted(s.ok(r)))
			assert.Equal(t, 1, strings.Count(r.stderr, "launching an agent"), r.stderr)
			assert.Equal(t, 1, len(s.ephemeral("echo"))+len(s.jobs(t.Context())), "agents")
		})
	}
}

// An agent stays while it has a client and ends soon after, and its Job goes.
func TestAgentEndsWithoutClients(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("slow", 7000, "halfclose", "-port", "7000", "-wait", "4s")
	for _, args := range [][]string{{"-t", "pod/slow", "localhost:7000"}, {"slow:7000"}} {
		args := append([]string{"--agent-idle", "2s"}, args...)
		s.ok(s.run(strings.NewReader("x"), "fwd-dial", args...)) // takes longer than the agent would idle
	}
	s.eventually("agents to end", func(ctx context.Context) error {
		if p := s.agentState("slow"); p.Terminated == nil || p.Terminated.ExitCode != 0 {
			return fmt.Errorf("container: %v", p.String())
		}
		left, err := s.leftovers(ctx)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("left: %v", left)
		}
		return err
	})
	r := s.run(nil, "fwd-agent", "ls")
	assert.Empty(t, s.ok(r))
	assert.Contains(t, r.stderr, "no agents")
}

// agentState is the state of the newest agent in a pod.
func (s *space) agentState(pod string) corev1.ContainerState {
	s.t.Helper()
	names := s.ephemeral(pod)
	p, err := client.CoreV1().Pods(s.name).Get(s.t.Context(), pod, metav1.GetOptions{})
	require.NoError(s.t, err)
	for _, c := range p.Status.EphemeralContainerStatuses {
		if len(names) > 0 && c.Name == names[len(names)-1] {
			return c.State
		}
	}
	return corev1.ContainerState{}
}

func TestAgentLaunchListAndStop(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("web", podSpec(0, "workload", "idle"))
	own := strings.TrimSpace(s.ok(s.run(nil, "fwd-agent", "launch")))
	target := strings.TrimSpace(s.ok(s.run(nil, "fwd-agent", "launch", "-t", "pod/web")))
	assert.Equal(t, []string{target}, s.ephemeral("web"))
	assert.Equal(t, own+"\n", s.ok(s.run(nil, "fwd-agent", "launch")), "the one that is there")

	// The cluster learns a moment late that a container runs.
	s.eventually("list", func(context.Context) error {
		if list := s.ok(s.run(nil, "fwd-agent", "ls")); strings.Count(list, "running") != 2 {
			return errors.New(list)
		}
		return nil
	})
	list := strings.Split(strings.TrimSpace(s.ok(s.run(nil, "fwd-agent", "ls"))), "\n")
	require.Len(t, list, 3)
	assert.Equal(t, []string{"NAME", "NAMESPACE", "POD", "STATE", "AGE"}, strings.Fields(list[0]))
	assert.Equal(t, []string{own, s.name}, strings.Fields(list[1])[:2])
	assert.Equal(t, []string{target, s.name, "web", "running"}, strings.Fields(list[2])[:4])

	var got []map[string]any
	for line := range strings.Lines(s.ok(s.run(nil, "fwd-agent", "ls", "--json"))) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		got = append(got, one)
	}
	require.Len(t, got, 2)
	assert.Equal(t, own, got[0]["name"])
	assert.Equal(t, target, got[1]["name"])
	assert.Equal(t, "pod/web", got[1]["target"])
	assert.Equal(t, "running", got[1]["state"])
	created, err := time.Parse(time.RFC3339, got[1]["created"].(string))
	assert.NoError(t, err)
	assert.WithinDuration(t, time.Now(), created, 2*patience)

	r := s.run(nil, "fwd-agent", "stop", "no-such-agent")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stderr, `no agent "no-such-agent"`)
	s.ok(s.run(nil, "fwd-agent", "stop", target))
	s.eventually("the target's agent to end", func(context.Context) error {
		if s.agentState("web").Terminated == nil {
			return errors.New("runs")
		}
		return nil
	})
	assert.Contains(t, s.ok(s.run(nil, "fwd-agent", "ls")), own, "the other one stays")
	s.ok(s.run(nil, "fwd-agent", "launch", "-t", "pod/web"))
	s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
	s.assertClean(t.Context())
}

// Keys are nobody else's business, whatever the umask.
func TestStateIsPrivate(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.ok(s.shell("umask 0; fwd-agent launch"))
	var files []string
	err := filepath.WalkDir(filepath.Join(s.state, "fwd"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else {
			files = append(files, filepath.Ext(path))
		}
		assert.Equal(t, want, info.Mode().Perm(), path)
		return nil
	})
	require.NoError(t, err)
	slices.Sort(files)
	assert.Equal(t, []string{".json", ".lock"}, slices.Compact(files))
}
