package launch

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// onNode puts agents next to pods, into Jobs of namespace "agents".
func onNode(c *Config) { c.Placement, c.JobNamespace = OnNode, "agents" }

// runningPod is a webPod whose containers have IDs.
func runningPod(name string) *corev1.Pod {
	pod := webPod(name)
	for _, c := range []string{"sidecar", "app", "old"} {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c, ContainerID: "containerd://id-of-" + c, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
	pod.Status.ContainerStatuses[2].State = corev1.ContainerState{}
	return pod
}

func TestNodeJobSpec(t *testing.T) {
	w := newWorld(t, runningPod("web-1"))
	l := w.launcher(t, onNode, with(Privileges{Mirror: true}))
	a, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, "prod", a.Namespace, "where its port is")
	assert.Equal(t, "web-1", a.Pod)
	assert.Equal(t, "uid-web-1", a.PodUID)
	assert.Equal(t, "agents", a.JobNamespace)
	job := w.jobs[a.Job]
	require.NotNil(t, job)
	assert.Equal(t, "agents", job.Namespace)
	assert.Equal(t, finishedTTL, *job.Spec.TTLSecondsAfterFinished)
	pod := job.Spec.Template.Spec
	assert.Equal(t, "node", pod.NodeName)
	assert.True(t, pod.HostPID)
	assert.False(t, pod.HostNetwork)
	assert.Equal(t, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, pod.Tolerations)
	assert.False(t, *pod.AutomountServiceAccountToken)
	c := pod.Containers[0]
	assert.Contains(t, c.Args, "--enter-pod=uid-web-1")
	assert.Contains(t, c.Args, "--enter=id-of-app")
	sc := c.SecurityContext
	assert.Equal(t, []corev1.Capability{"ALL"}, sc.Capabilities.Drop)
	assert.Equal(t, []corev1.Capability{"SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW"}, sc.Capabilities.Add)
	assert.False(t, *sc.Privileged)
	assert.False(t, *sc.AllowPrivilegeEscalation)
	assert.Zero(t, *sc.RunAsUser)
	assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, sc.SeccompProfile.Type)
}

func TestNodeJobContainerID(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*corev1.Pod)
		want   string
	}{
		"the container meant": {func(*corev1.Pod) {}, "id-of-app"},
		"another one if it does not run": {func(p *corev1.Pod) {
			p.Status.ContainerStatuses[1].State = corev1.ContainerState{}
		}, "id-of-sidecar"},
		"none if none does": {func(p *corev1.Pod) { p.Status.ContainerStatuses = nil }, ""},
	} {
		pod := runningPod("web-1")
		tt.change(pod)
		w := newWorld(t, pod)
		p, err := w.launcher(t, onNode).place(t.Context(), target(t, "web-1"))
		require.NoError(t, err)
		assert.Equal(t, tt.want, p.newRecord().Entered.ContainerID, name)
	}
}

// Both are in the same network, so neither is launched beside the other.
func TestNodeAgentsAndContainersServeAlike(t *testing.T) {
	for name, changes := range map[string][2]func(*Config){
		"a container after a Job": {onNode, func(*Config) {}},
		"a Job after a container": {with(Privileges{Steal: true}), onNode},
	} {
		w := newWorld(t, webPod("web-1"))
		first, err := w.launcher(t, changes[0]).Ensure(t.Context(), target(t, "web-1"), w.connect)
		require.NoError(t, err, name)
		second, err := w.launcher(t, changes[1]).Ensure(t.Context(), target(t, "label/app=web"), w.connect)
		require.NoError(t, err, name)
		assert.Equal(t, first.Name(), second.Name(), name)
	}
}

func TestNodeAgentIsListedAndStopped(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	l := w.launcher(t, onNode)
	a, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	other := w.launcher(t) // of somebody who does not know of namespace "agents"
	list, err := other.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.True(t, list[0].Alive)
	assert.Equal(t, "web-1", list[0].Pod)
	assert.Equal(t, a.Name(), list[0].Name())
	require.NoError(t, other.Stop(t.Context(), list[0].Agent, func(context.Context, Agent) error {
		t.Error("a Job is deleted, not asked")
		return nil
	}))
	assert.Empty(t, w.jobs)
	assert.Len(t, w.pods, 1)
	assert.Empty(t, l.store.all())
}

func TestNodeAgentThatEndedIsForgotten(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	l := w.launcher(t, onNode)
	a, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	w.finish(a.Job + "-pod")
	list, err := l.List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Empty(t, l.store.all())
}

func TestNodeAgentThatCannotEnter(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.start = always(ended(1, "no process of pod uid-web-1 is on this node, or its runtime keeps them to itself"))
	l := w.launcher(t, onNode)
	_, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, ReasonExited, failed.Reason)
	assert.True(t, failed.OnNode)
	assert.ErrorContains(t, err, "no process of pod")
	assert.Empty(t, failed.Left)
	assert.Empty(t, w.jobs)
	assert.Empty(t, l.store.all())
}
