package launch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// status is what a pod says about its agent.
type status struct {
	seen          string // in a few words
	running       bool
	ended         *corev1.ContainerStateTerminated
	stuck         string // why the node does not start it
	reason        Reason // of stuck
	unschedulable string // why no node takes the pod
}

// inspect reads the status of the agent of r out of its pod.
func inspect(pod *corev1.Pod, r record) status {
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			return status{seen: cmp.Or(cond.Reason, "not scheduled"), unschedulable: cond.Message}
		}
	}
	all := pod.Status.EphemeralContainerStatuses
	if r.Job != "" {
		all = pod.Status.ContainerStatuses
	}
	i := slices.IndexFunc(all, func(c corev1.ContainerStatus) bool { return c.Name == r.Container })
	if i < 0 {
		return status{seen: "the node has not begun"}
	}
	state := all[i].State
	switch {
	case state.Running != nil:
		return status{seen: "running", running: true}
	case state.Terminated != nil:
		return status{seen: "ended", ended: state.Terminated}
	case state.Waiting == nil:
		return status{seen: "the node has not begun"}
	}
	s := status{seen: cmp.Or(state.Waiting.Reason, "waiting")}
	if s.reason = waitReason(state.Waiting.Reason); s.reason != "" {
		s.stuck = strings.TrimSuffix(state.Waiting.Reason+": "+strings.TrimSpace(state.Waiting.Message), ": ")
	}
	return s
}

// waitReason tells kubelet's reasons that need a person from those that pass
// (ContainerCreating, PodInitializing).
func waitReason(reason string) Reason {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
		"RegistryUnavailable", "SignatureValidationFailed":
		return ReasonImage
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff",
		"PreCreateHookError", "PostStartHookError":
		return ReasonContainer
	}
	return ""
}

// eventReason tells kubelet's events that say why a container does not start
// from others. One of the kind Failed has only its text to say what failed.
func eventReason(e corev1.Event) Reason {
	switch {
	case e.Reason == "ErrImageNeverPull", e.Reason == "InspectFailed",
		e.Reason == "Failed" && strings.HasPrefix(e.Message, "Failed to pull image"):
		return ReasonImage
	case e.Reason == "Failed":
		return ReasonContainer
	}
	return ""
}

// endText says how the agent ended, in its own words if it left any.
func endText(end *corev1.ContainerStateTerminated) string {
	text := fmt.Sprintf("it ended with exit code %d", end.ExitCode)
	if end.Signal != 0 {
		text = fmt.Sprintf("it was ended by signal %d", end.Signal)
	}
	if end.Reason != "" && end.Reason != "Error" && end.Reason != "Completed" {
		text += " (" + end.Reason + ")"
	}
	if message := strings.TrimSpace(end.Message); message != "" {
		text += ": " + message
	}
	return text
}
