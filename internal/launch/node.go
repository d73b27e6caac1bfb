package launch

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// putOnNode makes of a Job's pod one that can enter the network of another pod
// of that node: it sees all processes there, to find one of that pod
// (SYS_PTRACE), and goes where that one is (SYS_ADMIN).
func (l *Launcher) putOnNode(spec *corev1.PodSpec, node string) {
	spec.NodeName = node // whatever the scheduler thinks of it
	spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	spec.HostPID = true
	spec.SecurityContext.RunAsNonRoot = new(false)
	sc := spec.Containers[0].SecurityContext
	grant(sc, append([]string{"SYS_ADMIN", "SYS_PTRACE"}, l.nodePrivileges().Capabilities()...))
	// The agent makes the other pod's resolv.conf and hosts its own.
	sc.ReadOnlyRootFilesystem = new(false)
	// The runtime's own profile lets processes look at those of the same profile
	// only. Where there is no AppArmor this means nothing.
	sc.AppArmorProfile = &corev1.AppArmorProfile{Type: corev1.AppArmorProfileTypeUnconfined}
}

// nodePrivileges are those of an agent OnNode: whoever may enter any network
// may as well redirect ports there, so that one Job is enough for most.
func (l *Launcher) nodePrivileges() Privileges {
	p := l.cfg.Privileges
	p.Steal = true
	return p
}

// enter is what an agent on a pod's node must know of it.
func enter(pod *kube.Pod) *entered {
	return &entered{
		Namespace: pod.Namespace, Pod: pod.Name, PodUID: pod.UID,
		Node: pod.Object.Spec.NodeName, ContainerID: containerID(pod),
	}
}

// containerID is that of the container meant, or of any that runs: all of a
// pod's are in one network.
func containerID(pod *kube.Pod) string {
	id := ""
	for _, list := range [][]corev1.ContainerStatus{pod.Object.Status.InitContainerStatuses, pod.Object.Status.ContainerStatuses} {
		for _, c := range list {
			if c.State.Running != nil && (id == "" || c.Name == pod.Container) {
				_, id, _ = strings.Cut(c.ContainerID, "://")
			}
		}
	}
	return id
}
