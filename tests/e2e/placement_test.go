//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An agent on the pod's node is in the pod's network, with the pod's names, and
// nothing of it is in the pod.
func TestAgentOnTheNode(t *testing.T) {
	t.Parallel()
	s, admin := newSpace(t, nil), newSpace(t, nil)
	t.Cleanup(func() { s.command("fwd-agent", "stop", "--all").Run() }) // before admin is looked at
	spec := podSpec(7000, "workload", "echo", "-port", "7000")
	spec.HostAliases = []corev1.HostAlias{{IP: "127.0.0.1", Hostnames: []string{"only-here.example"}}}
	s.pod("echo", spec)
	s.backend("beside", 7001, "echo", "-port", "7001")

	args := []string{"-t", "pod/echo", "--placement", "node", "--agent-namespace", admin.name}
	name := strings.TrimSpace(s.ok(s.run(nil, "fwd-agent", append([]string{"launch"}, args...)...)))
	require.Len(t, admin.jobs(t.Context()), 1)
	assert.Equal(t, name, admin.jobs(t.Context())[0].Name)
	assert.Empty(t, s.jobs(t.Context()))
	listed := s.ok(s.run(nil, "fwd-agent", "ls"))
	assert.Regexp(t, name+` +`+s.name+` +echo +running`, listed)

	t.Run("the pod's loopback", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "fwd-dial", append(args, "localhost:7000")...)))
	})
	t.Run("the pod's hosts file", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, "127.0.0.1\n", s.ok(s.run(nil, "fwd-resolve", append(args, "only-here.example")...)))
		assert.Equal(t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "fwd-dial", append(args, "only-here.example:7000")...)))
	})
	t.Run("the pod's search list", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "fwd-dial", append(args, "beside:7001")...)))
	})
	t.Run("it serves those who did not ask for it", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "fwd-dial", "-t", "pod/echo", "localhost:7000")))
	})
	assert.Empty(t, s.ephemeral("echo"))

	s.ok(s.run(nil, "fwd-agent", "stop", name))
	admin.assertClean(t.Context())
	assert.Empty(t, s.ok(s.run(nil, "fwd-agent", "ls")))
}

// Nobody uses the network of a pod that is gone.
func TestAgentOnTheNodeEndsWithThePod(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
	s.ok(s.run(nil, "fwd-agent", "launch", "-t", "pod/echo", "--placement", "node", "--agent-idle", "1h"))
	job := s.jobs(t.Context())[0].Name
	s.deletePod("echo")
	s.eventually("the agent's end", func(ctx context.Context) error {
		j, err := client.BatchV1().Jobs(s.name).Get(ctx, job, metav1.GetOptions{})
		if err == nil && j.Status.Succeeded != 1 {
			err = fmt.Errorf("job %s runs", job)
		}
		return err
	})
}

// Where the namespace takes no container with a capability, it is said, and what
// whoever is allowed to can do.
func TestPodSecurityRefusesToCapture(t *testing.T) {
	t.Parallel()
	admin := newSpace(t, nil)
	for _, level := range []string{"restricted", "baseline"} {
		t.Run(level, func(t *testing.T) {
			s := newSpace(t, map[string]string{"pod-security.kubernetes.io/enforce": level})
			s.pod("web", restrict(podSpec(8080, "peer", "serve", "-port", "8080", "-name", "pod"), corev1.PodSecurityContext{}))
			for capability, args := range map[string][]string{"NET_ADMIN": {"--steal"}, "NET_RAW": {"--mirror"}} {
				r := s.run(nil, "fwd-listen", append(args, "-t", "pod/web", "8080:9")...)
				assert.Equal(t, 3, r.code)
				assert.Contains(t, r.stderr, "add an agent with "+capability)
				assert.Contains(t, r.stderr, `violates PodSecurity "`+level)
				assert.Contains(t, r.stderr, "hint: ")
				assert.Contains(t, r.stderr, "--placement node")
			}
			assert.Empty(t, s.ephemeral("web"))

			r := s.run(nil, "fwd-agent", "launch", "--placement", "node", "-t", "pod/web")
			assert.Equal(t, 4, r.code)
			assert.Contains(t, r.stderr, "PodSecurity")
			assert.Contains(t, r.stderr, "--agent-namespace")
			s.assertClean(t.Context())

			args := []string{"--placement", "node", "--agent-namespace", admin.name, "-t", "pod/web"}
			steal := s.listen(1, append(args, "--steal", "8080:"+s.local())...)
			url := "http://" + s.podIP("web") + ":8080/"
			assert.Contains(t, s.onNode("curl", "-sS", "--max-time", "20", url), "laptop:")
			steal.stop()
			assert.Contains(t, s.onNode("curl", "-sS", "--max-time", "20", url), "pod:")
			s.noRules("web")
			s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
			admin.with(t).assertClean(t.Context())
		})
	}
}

// What docs/rbac.md prints for it is enough.
func TestDocumentedRolesSufficeOnTheNode(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("echo", 1, podSpec(7000, "workload", "echo", "-port", "7000"))
	kubeconfig := s.account(append(s.documentedRole("fwd-no-agent"), s.documentedRole("fwd-node")...))
	args := []string{"--kubeconfig", kubeconfig, "-t", "deploy/echo", "--placement", "node", "localhost:7000"}
	assert.Equal(t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "fwd-dial", args...)))
	s.ok(s.run(nil, "fwd-agent", "stop", "--all", "--kubeconfig", kubeconfig))
	s.assertClean(t.Context())
}
