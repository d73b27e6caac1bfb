package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestChooseContainer(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	pod := func(annotation string, containers ...string) *corev1.Pod {
		p := readyPod("web-1", 0)
		p.Annotations = map[string]string{defaultContainerAnnotation: annotation}
		p.Spec.Containers = nil
		for _, name := range containers {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name})
		}
		p.Spec.InitContainers = []corev1.Container{{Name: "setup"}, {Name: "tunnel", RestartPolicy: &always}}
		return p
	}
	for _, tc := range []struct {
		name  string
		pod   *corev1.Pod
		asked string
		want  string
	}{
		{"the only one", pod("", "app"), "", "app"},
		{"the first", pod("", "app", "db"), "", "app"},
		{"not a sidecar", pod("", "istio-proxy", "app"), "", "app"},
		{"a sidecar when there is nothing else", pod("", "istio-proxy", "linkerd-proxy"), "", "istio-proxy"},
		{"the annotated one", pod("db", "app", "db"), "", "db"},
		{"an annotation that names none is ignored", pod("gone", "app", "db"), "", "app"},
		{"the one asked for", pod("db", "app", "db"), "app", "app"},
		{"an init container that stays", pod("", "app"), "tunnel", "tunnel"},
	} {
		got, err := chooseContainer(tc.pod, tc.asked)
		require.NoError(t, err, tc.name)
		assert.Equal(t, tc.want, got, tc.name)
	}

	_, err := chooseContainer(pod("", "app", "db"), "setup")
	var wrong *ContainerError
	require.ErrorAs(t, err, &wrong)
	assert.EqualError(t, err, `pod "web-1" has no container "setup", only app, db, tunnel`)
}

func TestPodState(t *testing.T) {
	initFailing := readyPod("p", 0)
	initFailing.Status = corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{{
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
	}}}
	failed := unready(readyPod("p", 0))
	failed.Status.ContainerStatuses = []corev1.ContainerStatus{{
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}},
	}}
	evicted := readyPod("p", 0)
	evicted.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}
	for want, pod := range map[string]*corev1.Pod{
		"Running":               readyPod("p", 0),
		"not ready":             unready(readyPod("p", 0)),
		"Terminating":           terminating(readyPod("p", 0)),
		"CrashLoopBackOff":      waiting(readyPod("p", 0), "CrashLoopBackOff"),
		"Init:ImagePullBackOff": initFailing,
		"OOMKilled":             failed,
		"Evicted":               evicted,
		"unknown":               {},
	} {
		assert.Equal(t, want, PodState(pod))
	}
}

func TestHostNetworkIsRecorded(t *testing.T) {
	p := readyPod("p", 0)
	p.Spec.HostNetwork = true
	got, err := newPod(p, "")
	require.NoError(t, err)
	assert.True(t, got.HostNetwork)
}
