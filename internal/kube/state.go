package kube

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
)

// isReady reports whether a pod takes part: it runs, its readiness holds, and
// nobody has asked for its end.
func isReady(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil && hasCondition(pod, corev1.PodReady)
}

func hasCondition(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, cond := range pod.Status.Conditions {
		if cond.Type == kind {
			return cond.Status == corev1.ConditionTrue
		}
	}
	return false
}

// PodState says in a word or two what a pod is up to, much as the STATUS column
// of kubectl get does: "CrashLoopBackOff", "Init:Error", "not ready".
func PodState(pod *corev1.Pod) string {
	if pod.DeletionTimestamp != nil {
		return "Terminating"
	}
	for _, st := range pod.Status.InitContainerStatuses {
		if reason := containerTrouble(st); reason != "" && !ptrBool(st.Started) {
			return "Init:" + reason
		}
	}
	for _, st := range pod.Status.ContainerStatuses {
		if reason := containerTrouble(st); reason != "" {
			return reason
		}
	}
	if pod.Status.Reason != "" {
		return pod.Status.Reason // Evicted, NodeLost
	}
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			return cmp.Or(cond.Reason, "not scheduled")
		}
	}
	if pod.Status.Phase == corev1.PodRunning {
		if isReady(pod) {
			return "Running"
		}
		return "not ready"
	}
	return cmp.Or(string(pod.Status.Phase), "unknown")
}

// containerTrouble is why a container does not run, or "".
func containerTrouble(st corev1.ContainerStatus) string {
	switch {
	case st.State.Waiting != nil && st.State.Waiting.Reason != "" && st.State.Waiting.Reason != "PodInitializing":
		return st.State.Waiting.Reason
	case st.State.Terminated != nil && st.State.Terminated.ExitCode != 0:
		return cmp.Or(st.State.Terminated.Reason, "Error")
	}
	return ""
}

func ptrBool(b *bool) bool { return b != nil && *b }
