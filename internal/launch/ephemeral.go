package launch

import (
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fwdtools/fwd/internal/kube"
)

// addContainer adds the agent to somebody's pod. Nothing can remove it again
// but the pod's end.
func (l *Launcher) addContainer(ctx context.Context, pod *corev1.Pod, r record) error {
	container := l.ephemeralContainer(pod, r)
	patch, err := json.Marshal(map[string]any{
		"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{container}},
	})
	if err != nil {
		return err
	}
	call := kube.Call{
		Verb: "patch", Resource: "pods", Subresource: "ephemeralcontainers", Namespace: r.Namespace, Name: r.Pod,
	}
	req := l.cluster.Request(call).SetHeader("Content-Type", string(types.StrategicMergePatchType)).Body(patch)
	return l.cluster.Do(ctx, call, req, nil)
}

// ephemeralContainer has no targetContainerName: that would share the process
// namespace of a container, and the network, which is all the agent wants, is
// the pod's anyway.
func (l *Launcher) ephemeralContainer(pod *corev1.Pod, r record) corev1.EphemeralContainer {
	security := restricted()
	// The image says USER 65532, which serves where nobody says anything else. A
	// user that the pod sets goes before the image's, and is right for us too,
	// whoever it is (on OpenShift only certain ones are), except for root, which
	// runAsNonRoot would refuse.
	if sc := pod.Spec.SecurityContext; sc != nil && sc.RunAsUser != nil && *sc.RunAsUser == 0 {
		security.RunAsUser, security.RunAsGroup = new(agentUser), new(agentUser)
	}
	grant(security, l.cfg.Privileges.Capabilities())
	return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name:                     r.Container,
		Image:                    r.Image,
		ImagePullPolicy:          l.cfg.PullPolicy,
		Args:                     l.args(r),
		SecurityContext:          security,
		TerminationMessagePolicy: corev1.TerminationMessageReadFile,
	}}
}

// agentUser is the numeric USER of the agent's image.
const agentUser int64 = 65532

// restricted is what the Pod Security level of that name asks of a container,
// and a little more.
func restricted() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		Privileged:               new(false),
		ReadOnlyRootFilesystem:   new(true),
		RunAsNonRoot:             new(true),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// hasContainer reports whether the launch of r got as far as the pod's spec.
func hasContainer(pod *corev1.Pod, r record) bool {
	if r.Job != "" {
		return true
	}
	return slices.ContainsFunc(pod.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool {
		return c.Name == r.Container
	})
}
