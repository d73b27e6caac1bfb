//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A record of an agent that is gone costs a new launch and no visible error.
func TestRecordOfAnAgentThatIsGone(t *testing.T) {
	t.Parallel()
	inTarget, ofItsOwn := []string{"-t", "pod/echo", "localhost:7000"}, []string{"echo:7000"}
	for _, tt := range []struct {
		name string
		args []string
		end  func(s *space)
	}{
		{"it was idle", append([]string{"--agent-idle", "1s"}, inTarget...), func(s *space) {
			s.eventually("end", func(context.Context) error {
				if s.agentState("echo").Terminated == nil {
					return errors.New("runs")
				}
				return nil
			})
		}},
		{"its Job was deleted", ofItsOwn, func(s *space) {
			propagation := metav1.DeletePropagationForeground
			err := client.BatchV1().Jobs(s.name).Delete(s.t.Context(), s.jobs(s.t.Context())[0].Name,
				metav1.DeleteOptions{PropagationPolicy: &propagation})
			require.NoError(s.t, err)
			s.eventually("pod to go", func(ctx context.Context) error {
				left, err := s.leftovers(ctx)
				if err == nil && len(left) > 0 {
					err = fmt.Errorf("left: %v", left)
				}
				return err
			})
		}},
		{"its pod was replaced", inTarget, func(s *space) {
			require.NoError(s.t, client.CoreV1().Pods(s.name).Delete(s.t.Context(), "echo", metav1.DeleteOptions{}))
			s.eventually("pod to go", func(ctx context.Context) error {
				if _, err := client.CoreV1().Pods(s.name).Get(ctx, "echo", metav1.GetOptions{}); err == nil {
					return errors.New("still there")
				}
				return nil
			})
			s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
		}},
		{"its record is damaged", inTarget, func(s *space) {
			// Who has lost the key lets the agent idle.
			for _, path := range s.records() {
				require.NoError(s.t, os.WriteFile(path, []byte(`{"version":1,"seed":`), 0o600))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, nil)
			s.backend("echo", 7000, "echo", "-port", "7000")
			args := append([]string{"--agent-idle", "5s"}, tt.args...)
			s.ok(s.run(strings.NewReader("one\n"), "fwd-dial", args...))
			tt.end(s)
			r := s.run(strings.NewReader("two\n"), "fwd-dial", args...)
			assert.Equal(t, "two\n", s.ok(r))
			assert.Regexp(t, `\Afwd-dial: launching an agent [^\n]*\n\z`, r.stderr)
		})
	}
}

// records are the files that remember agents.
func (s *space) records() []string {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.state, "fwd", "agents", "*.json"))
	require.NoError(s.t, err)
	return paths
}

// Ctrl-C while an agent starts leaves nothing that runs or will; what cannot be
// removed from a pod is known, and taken up by the next command.
func TestInterruptedLaunch(t *testing.T) {
	t.Parallel()
	t.Run("in a pod of its own", func(t *testing.T) {
		s := newSpace(t, nil)
		// Runs, whatever its arguments, and answers nobody.
		b := s.start("fwd-agent", "launch", "--agent-image", pauseImage(t))
		s.eventually("the Job", func(ctx context.Context) error {
			if len(s.jobs(ctx)) == 0 {
				return errors.New(b.stderr.String())
			}
			return nil
		})
		assert.Equal(t, 130, b.stop())
		assert.Empty(t, b.stdout.String())
		s.assertClean(t.Context())
	})
	t.Run("in a target", func(t *testing.T) {
		s := newSpace(t, nil)
		s.pod("web", podSpec(0, "workload", "idle"))
		// Who may not read events learns only from the pod's status, 10 s later,
		// that a container cannot start.
		args := []string{
			"launch", "-t", "pod/web", "--agent-image", "fwd-none:1", "--agent-pull-policy", "Never",
			"--kubeconfig", s.account(s.documentedRole("fwd-target")),
		}
		b := s.start("fwd-agent", args...)
		s.eventually("the container", func(ctx context.Context) error {
			if len(s.ephemeral("web")) == 0 {
				return errors.New(b.stderr.String())
			}
			return nil
		})
		assert.Equal(t, 130, b.stop())
		assert.Equal(t, 4, s.run(nil, "fwd-agent", args...).code)
		assert.Len(t, s.ephemeral("web"), 1)
		assert.Len(t, s.records(), 1)
		s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
		assert.Empty(t, s.records())
	})
}

// pauseImage is an image that every node has.
func pauseImage(t *testing.T) string {
	t.Helper()
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, image := range nodes.Items[0].Status.Images {
		for _, name := range image.Names {
			if strings.Contains(name, "/pause:") {
				return name
			}
		}
	}
	t.Fatal("the node has no image called pause")
	return ""
}
