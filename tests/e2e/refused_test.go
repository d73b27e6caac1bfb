//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What the kubeconfig, the API server or the target cannot give is exit code 3
// with a name for it, and nothing is launched.
func TestClusterRefuses(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	echo := podSpec(7000, "workload", "echo", "-port", "7000")
	s.pod("web-frontend", echo)
	s.service("web-frontend", 7000)
	s.brokenPods()
	away := s.unreachable()

	for _, tt := range []struct {
		name string
		args []string
		says string
		hint string
	}{
		{"API server is away", []string{"--kubeconfig", away}, "reach API server https://127.0.0.1:", "is the cluster up"},
		{"no such kubeconfig", []string{"--kubeconfig", "/no/such/file"}, "/no/such/file", "kubectl"},
		{"no such context", []string{"--context", "no-such-context"}, `context "no-such-context" does not exist`, "--context"},
		{"no such namespace", []string{"-n", "no-such-namespace"}, `namespace "no-such-namespace" not found`, "-n"},
		{"not allowed", []string{"--as", "nobody"}, "not permitted to create jobs.batch", "a Role must allow create on jobs"},

		{"no such pod", []string{"-t", "web-frontent"}, `pod "web-frontent" not found in namespace "` + s.name + `", did you mean web-frontend?`, "-n"},
		{"no such service", []string{"-t", "svc/web-fronted"}, `did you mean web-frontend?`, "-n"},
		{"no such deployment", []string{"-t", "deploy/web"}, `deployment "web" not found`, "-n"},
		{"no such kind here", []string{"-t", "rollout/web"}, "the cluster does not know this kind", ""},
		{"no such container", []string{"-t", "web-frontend", "-c", "sidecar"}, `no container "sidecar", only app`, ""},
		{"pod is pending", []string{"-t", "pending"}, `pod "pending" in namespace "` + s.name + `" is not running: Unschedulable`, "-t deploy/NAME"},
		{"pod is done", []string{"-t", "done"}, `pod "done" in namespace "` + s.name + `" is not running: Succeeded`, "-t deploy/NAME"},
		{"no pod", []string{"-t", "label/app=nobody"}, "has no ready pod: it has none at all", ""},
		{"no ready pod", []string{"-t", "label/app=crashing"}, "has no ready pod: crashing: ", "wait"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.with(t)
			r := s.run(nil, "fwd-dial", append(tt.args, "localhost:7000")...)
			t.Log(r.stderr)
			assert.Equal(t, 3, r.code)
			assert.Empty(t, r.stdout)
			message, hint, _ := strings.Cut(r.stderr, "fwd-dial: hint: ")
			assert.Contains(t, message, tt.says)
			assert.Contains(t, hint, tt.hint)
			assert.NotContains(t, message, "warning")
			s.assertClean(t.Context())
			assert.Empty(t, s.ephemeral("web-frontend"))
		})
	}
}

// brokenPods are three pods that are no target: one that crashes, one that no
// node takes, one that has ended.
func (s *space) brokenPods() {
	s.t.Helper()
	crashing := podSpec(7000, "false")
	pending := podSpec(0, "workload", "idle")
	pending.NodeSelector = map[string]string{"no-such": "node"}
	done := podSpec(0, "true")
	done.RestartPolicy = corev1.RestartPolicyNever
	for name, spec := range map[string]corev1.PodSpec{"crashing": crashing, "pending": pending, "done": done} {
		_, err := client.CoreV1().Pods(s.name).Create(s.t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}}, Spec: spec,
		}, metav1.CreateOptions{})
		require.NoError(s.t, err)
	}
	s.eventually("pods to break", func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{LabelSelector: "app in (crashing,pending,done)"})
		if err != nil {
			return err
		}
		for _, p := range pods.Items {
			scheduled := len(p.Status.Conditions) > 0
			crashed := len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount > 0
			if p.Name == "crashing" && !crashed || p.Name == "done" && p.Status.Phase != corev1.PodSucceeded || !scheduled {
				return fmt.Errorf("pod/%s is %s", p.Name, p.Status.Phase)
			}
		}
		return nil
	})
}

// unreachable is a kubeconfig for a port where nobody listens.
func (s *space) unreachable() string {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	defer ln.Close()
	config, err := os.ReadFile(kubeconfig)
	require.NoError(s.t, err)
	away := strings.ReplaceAll(string(config), restConfig.Host, "https://"+ln.Addr().String())
	require.NotEqual(s.t, string(config), away)
	return s.scratch("kubeconfig", []byte(away))
}
