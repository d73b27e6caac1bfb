//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// patience is how long a story polls for what the cluster should do soon.
const patience = 90 * time.Second

// space is the namespace of one story, and the state directory of the commands
// that it runs: nothing in it is known to other stories.
type space struct {
	t     *testing.T
	name  string
	state string
}

// newSpace makes a namespace with labels. When the test ends its agents are
// stopped, nothing of fwd may then be left running in it, and it is deleted. A
// failed test dumps it first.
func newSpace(t *testing.T, labels map[string]string) *space {
	t.Helper()
	ns, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-", Labels: labels},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	s := &space{t: t, name: ns.Name, state: t.TempDir()}
	t.Cleanup(s.end)
	// The default service account must be there before pods are.
	s.eventually("the default service account", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(s.name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return s
}

// with is s for a subtest, so that failures are the subtest's.
func (s *space) with(t *testing.T) *space {
	c := *s
	c.t = t
	return &c
}

func (s *space) end() {
	// t.Context has ended already.
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if s.t.Failed() {
		s.dump(ctx)
	}
	stop := s.command("fwd-agent", "stop", "--all")
	if out, err := stop.CombinedOutput(); err != nil {
		s.t.Errorf("fwd-agent stop --all: %v\n%s", err, out)
	}
	s.assertClean(ctx)
	if err := client.CoreV1().Namespaces().Delete(ctx, s.name, metav1.DeleteOptions{}); err != nil {
		s.t.Errorf("delete namespace: %v", err)
	}
}

// assertClean waits until no agent runs, no Job of ours is there and no record
// is left.
func (s *space) assertClean(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var left []string
	if err := poll(ctx, func(ctx context.Context) error {
		var err error
		if left, err = s.leftovers(ctx); err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
		}
		return nil
	}); err != nil {
		s.t.Errorf("namespace %s is not clean: %v", s.name, err)
	}
	records, err := filepath.Glob(filepath.Join(s.state, "fwd", "agents", "*.json"))
	assert.NoError(s.t, err)
	assert.Empty(s.t, records, "records of agents")
}

// leftovers is what of fwd is still there: Jobs, their pods, and ephemeral
// containers that have not terminated.
func (s *space) leftovers(ctx context.Context) ([]string, error) {
	var left []string
	for _, j := range s.jobs(ctx) {
		left = append(left, "job/"+j.Name)
	}
	pods, err := client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, p := range pods.Items {
		if strings.HasPrefix(p.Name, "fwd-agent-") {
			left = append(left, "pod/"+p.Name)
		}
		for _, c := range p.Status.EphemeralContainerStatuses {
			if c.State.Running != nil {
				left = append(left, fmt.Sprintf("container %s of pod/%s", c.Name, p.Name))
			}
		}
	}
	return left, nil
}

// jobs are the Jobs of agents in the namespace.
func (s *space) jobs(ctx context.Context) []batchv1.Job {
	jobs, err := client.BatchV1().Jobs(s.name).List(ctx, metav1.ListOptions{})
	if err != nil {
		s.t.Errorf("list jobs: %v", err)
		return nil
	}
	return slices.DeleteFunc(jobs.Items, func(j batchv1.Job) bool { return !strings.HasPrefix(j.Name, "fwd-agent-") })
}

// ephemeral are the names of the ephemeral containers of a pod, running or not.
func (s *space) ephemeral(pod string) []string {
	p, err := client.CoreV1().Pods(s.name).Get(s.t.Context(), pod, metav1.GetOptions{})
	require.NoError(s.t, err)
	var names []string
	for _, c := range p.Spec.EphemeralContainers {
		names = append(names, c.Name)
	}
	return names
}

// eventually polls until f gives no error.
func (s *space) eventually(what string, f func(ctx context.Context) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := poll(ctx, f); err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// poll calls f until it gives no error, or ctx ends: then it returns f's last.
func poll(ctx context.Context, f func(ctx context.Context) error) error {
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// dump writes pods, events and logs to the test's log.
func (s *space) dump(ctx context.Context) {
	var b bytes.Buffer
	pods, _ := client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{})
	for _, p := range pods.Items {
		fmt.Fprintf(&b, "pod/%s %s\n", p.Name, p.Status.Phase)
		statuses := append(p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses...)
		for _, c := range statuses {
			fmt.Fprintf(&b, "  %s: %v\n", c.Name, c.State.String())
			lines := int64(20)
			log, _ := client.CoreV1().Pods(s.name).GetLogs(p.Name, &corev1.PodLogOptions{Container: c.Name, TailLines: &lines}).DoRaw(ctx)
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(string(log), "\n", "\n    "))
		}
	}
	events, _ := client.CoreV1().Events(s.name).List(ctx, metav1.ListOptions{})
	for _, e := range events.Items {
		fmt.Fprintf(&b, "event %s/%s %s: %s\n", strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, e.Message)
	}
	s.t.Logf("namespace %s:\n%s", s.name, b.String())
}

// scratch is a file in a directory that goes with the test.
func (s *space) scratch(name string, content []byte) string {
	path := filepath.Join(s.t.TempDir(), name)
	require.NoError(s.t, os.WriteFile(path, content, 0o600))
	return path
}
