package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// assertRestricted holds a container against the restricted Pod Security level.
func assertRestricted(t *testing.T, sc *corev1.SecurityContext) {
	t.Helper()
	assert.False(t, *sc.AllowPrivilegeEscalation)
	assert.False(t, *sc.Privileged)
	assert.True(t, *sc.RunAsNonRoot)
	assert.True(t, *sc.ReadOnlyRootFilesystem)
	assert.Equal(t, []corev1.Capability{"ALL"}, sc.Capabilities.Drop)
	assert.Empty(t, sc.Capabilities.Add)
	assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, sc.SeccompProfile.Type)
}

func TestEphemeralContainerSpec(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	require.Len(t, w.pods["web-1"].Spec.EphemeralContainers, 1)
	c := w.pods["web-1"].Spec.EphemeralContainers[0]
	assert.Equal(t, a.Container, c.Name)
	assert.Equal(t, "agent:1", c.Image)
	assert.Equal(t, corev1.PullIfNotPresent, c.ImagePullPolicy)
	assert.Equal(t, corev1.TerminationMessageReadFile, c.TerminationMessagePolicy)
	assert.Empty(t, c.TargetContainerName)
	assertRestricted(t, c.SecurityContext)
}

func TestEphemeralContainerUser(t *testing.T) {
	l := newWorld(t).launcher(t)
	for name, tc := range map[string]struct {
		pod  *corev1.PodSecurityContext
		want *int64
	}{
		"the image's, where the pod says nothing": {nil, nil},
		"nor anything about users":                {&corev1.PodSecurityContext{RunAsNonRoot: new(true)}, nil},
		"the pod's":                               {&corev1.PodSecurityContext{RunAsUser: new(int64(1000))}, nil},
		"ours, where the pod's is root":           {&corev1.PodSecurityContext{RunAsUser: new(int64(0))}, new(agentUser)},
	} {
		pod := webPod("web-1")
		pod.Spec.SecurityContext = tc.pod
		r := record{Container: "x", Seed: newKey().Seed()}
		assert.Equal(t, tc.want, l.ephemeralContainer(pod, r).SecurityContext.RunAsUser, name)
	}
}
