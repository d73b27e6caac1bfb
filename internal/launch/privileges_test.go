package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

func with(p Privileges) func(*Config) { return func(c *Config) { c.Privileges = p } }

func TestEphemeralContainerGetsWhatItNeeds(t *testing.T) {
	for name, tt := range map[string]struct {
		privileges Privileges
		want       []corev1.Capability
	}{
		"mirror": {Privileges{Mirror: true}, []corev1.Capability{"NET_RAW"}},
		"steal":  {Privileges{Steal: true}, []corev1.Capability{"NET_ADMIN"}},
		"both":   {Privileges{Mirror: true, Steal: true}, []corev1.Capability{"NET_ADMIN", "NET_RAW"}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := webPod("web-1")
			pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(int64(1000)), RunAsNonRoot: new(true)}
			w := newWorld(t, pod)
			_, err := w.launcher(t, with(tt.privileges)).Ensure(t.Context(), target(t, "web-1"), w.connect)
			require.NoError(t, err)
			sc := w.pods["web-1"].Spec.EphemeralContainers[0].SecurityContext
			assert.Equal(t, []corev1.Capability{"ALL"}, sc.Capabilities.Drop)
			assert.Equal(t, tt.want, sc.Capabilities.Add)
			assert.Zero(t, *sc.RunAsUser, "capabilities are root's")
			assert.False(t, *sc.RunAsNonRoot)
			assert.False(t, *sc.Privileged)
			assert.False(t, *sc.AllowPrivilegeEscalation)
			assert.True(t, *sc.ReadOnlyRootFilesystem)
			assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, sc.SeccompProfile.Type)
		})
	}
}

// An agent serves whoever asks for no more than it has.
func TestEnsureUsesAnAgentWithMorePrivileges(t *testing.T) {
	none, mirror, steal, both := Privileges{}, Privileges{Mirror: true}, Privileges{Steal: true}, Privileges{Mirror: true, Steal: true}
	for name, tt := range map[string]struct {
		has, asked Privileges
		launched   bool
	}{
		"the same":                  {steal, steal, false},
		"a plain one of a thief's":  {steal, none, false},
		"a mirror of one with both": {both, mirror, false},
		"a thief of a plain one":    {none, steal, true},
		"a thief of a mirror's":     {mirror, steal, true},
		"both of a thief's":         {steal, both, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, webPod("web-1"))
			first, err := w.launcher(t, with(tt.has)).Ensure(t.Context(), target(t, "web-1"), w.connect)
			require.NoError(t, err)
			second, err := w.launcher(t, with(tt.asked)).Ensure(t.Context(), target(t, "web-1"), w.connect)
			require.NoError(t, err)
			assert.Equal(t, tt.launched, second.Launched)
			assert.Equal(t, tt.launched, first.Name() != second.Name())
		})
	}
}

func TestEnsurePrefersThePodWhoseAgentWillDo(t *testing.T) {
	w := newWorld(t, webPod("web-1"), webPod("web-2"), webPod("web-3"))
	for pod, p := range map[string]Privileges{"web-2": {}, "web-3": {Steal: true}} {
		_, err := w.launcher(t, with(p)).Ensure(t.Context(), target(t, pod), w.connect)
		require.NoError(t, err)
	}
	a, err := w.launcher(t, with(Privileges{Steal: true})).Ensure(t.Context(), target(t, "label/app=web"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, "web-3", a.Pod)
}

// A launch with privileges that was broken off is nobody's who needs none: it
// may never start.
func TestEnsureLeavesOthersLaunchesAlone(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.start = always(waits("ImagePullBackOff", ""))
	_, err := w.launcher(t, with(Privileges{Steal: true})).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.Error(t, err)
	w.start = nil
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.True(t, a.Launched)
	assert.Len(t, w.agents("web-1"), 2)
}

func TestEnsureRefusesPrivilegesOnTheNodesNetwork(t *testing.T) {
	pod := webPod("web-1")
	pod.Spec.HostNetwork = true
	w := newWorld(t, pod)
	for name, change := range map[string]func(*Config){
		"mirror":  with(Privileges{Mirror: true}),
		"steal":   with(Privileges{Steal: true}),
		"on node": func(c *Config) { c.Placement = OnNode },
	} {
		_, err := w.launcher(t, change).Ensure(t.Context(), target(t, "web-1"), w.connect)
		var host *kube.HostNetworkError
		require.ErrorAs(t, err, &host, name)
		assert.True(t, kube.Refused(err), name)
		assert.EqualError(t, err, `pod "web-1" in namespace "prod" is on the network of its node node: capturing there would take what arrives at the node`)
	}
	assert.Empty(t, w.writes())
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err, "to dial is harmless")
}

func TestEnsurePodSecurityRefusesPrivileges(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.refused[patchOp] = apiStatus(403, metav1.StatusReasonForbidden, `pods "web-1" is forbidden: violates PodSecurity "baseline:latest"`)
	l := w.launcher(t, with(Privileges{Steal: true}))
	_, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	var refused *PrivilegesError
	require.ErrorAs(t, err, &refused)
	assert.ErrorContains(t, err, "add an agent with NET_ADMIN to the pod: ")
	assert.ErrorContains(t, err, "violates PodSecurity")
	assert.True(t, kube.Refused(err))
	assert.Empty(t, l.store.all())
}

func TestPrivilegesNeedATarget(t *testing.T) {
	w := newWorld(t)
	_, err := w.launcher(t, with(Privileges{Steal: true})).Ensure(t.Context(), kube.Target{}, w.connect)
	require.ErrorIs(t, err, errNoTarget)
	assert.Empty(t, w.writes())
}
