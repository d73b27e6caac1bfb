//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// restricted are the labels of a namespace that enforces the strictest of the
// Pod Security levels, and warns of what it would refuse.
var restricted = map[string]string{
	"pod-security.kubernetes.io/enforce": "restricted",
	"pod-security.kubernetes.io/warn":    "restricted",
}

// restrict makes a pod that passes the level, with what else pod says.
func restrict(spec corev1.PodSpec, pod corev1.PodSecurityContext) corev1.PodSpec {
	yes, no, user := true, false, int64(1234)
	own := &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		RunAsNonRoot:             &yes,
	}
	if pod.RunAsUser == nil {
		own.RunAsUser = &user // the workload's image is root's
	}
	spec.SecurityContext = &pod
	spec.Containers[0].SecurityContext = own
	return spec
}

func TestRestrictedNamespaceTakesTheAgent(t *testing.T) {
	t.Parallel()
	s := newSpace(t, restricted)
	yes, user, root := true, int64(1000), int64(0)
	echo := func() corev1.PodSpec { return podSpec(7000, "workload", "echo", "-port", "7000") }
	s.pod("echo", restrict(echo(), corev1.PodSecurityContext{}))
	s.service("echo", 7000)
	s.pod("nonroot", restrict(echo(), corev1.PodSecurityContext{RunAsNonRoot: &yes}))
	s.pod("user", restrict(echo(), corev1.PodSecurityContext{RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, FSGroup: &user}))

	for _, tt := range []struct {
		name string
		args []string
	}{
		{"in a pod of its own", []string{"echo:7000"}},
		{"in a pod that passes", []string{"-t", "pod/echo", "localhost:7000"}},
		{"in a pod that demands not to run as root", []string{"-t", "pod/nonroot", "localhost:7000"}},
		{"in a pod that runs as a user of its own", []string{"-t", "pod/user", "localhost:7000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.with(t).run(strings.NewReader("hello\n"), "fwd-dial", tt.args...)
			assert.Equal(t, "hello\n", s.with(t).ok(r))
			assert.NotContains(t, r.stderr, "warning", "the API server's")
		})
	}

	t.Run("elsewhere in a pod that runs as root", func(t *testing.T) {
		s := newSpace(t, nil)
		spec := echo()
		spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &root}
		s.pod("echo", spec)
		r := s.run(strings.NewReader("hello\n"), "fwd-dial", "-t", "pod/echo", "localhost:7000")
		require.Equal(t, "hello\n", s.ok(r))
	})
}
