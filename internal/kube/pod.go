package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Pod is the pod and container that a target resolved to.
type Pod struct {
	Namespace string
	Name      string
	UID       string
	Container string
	// Note is what a person should know about the choice ("not ready"); often
	// empty.
	Note        string
	HostNetwork bool // its network namespace is the node's

	// Object is the pod as it was read. It is not changed.
	Object *corev1.Pod
}

func newPod(pod *corev1.Pod, container string) (Pod, error) {
	container, err := chooseContainer(pod, container)
	if err != nil {
		return Pod{}, err
	}
	p := Pod{
		Namespace:   pod.Namespace,
		Name:        pod.Name,
		UID:         string(pod.UID),
		Container:   container,
		HostNetwork: pod.Spec.HostNetwork,
		Object:      pod,
	}
	if !isReady(pod) {
		p.Note = PodState(pod)
	}
	return p, nil
}

// defaultContainerAnnotation is kubectl's.
const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container"

// wellKnownSidecars are injected beside the application and seldom what a
// person means.
var wellKnownSidecars = []string{
	"istio-proxy", "linkerd-proxy", "kuma-sidecar", "envoy-sidecar", "envoy", "consul-dataplane",
	"consul-connect-envoy-sidecar", "aws-appmesh-envoy", "vault-agent", "cloud-sql-proxy", "cloudsql-proxy",
	"daprd", "dapr-sidecar", "fluent-bit", "fluentd", "filebeat", "otc-container", "datadog-agent", "jaeger-agent",
	"oauth2-proxy", "gke-gcsfuse-sidecar",
}

// chooseContainer checks the container that was asked for, or picks one: the
// annotated default, else the first that is not a well-known sidecar.
func chooseContainer(pod *corev1.Pod, asked string) (string, error) {
	names := containerNames(pod)
	if asked != "" {
		if !slices.Contains(names, asked) {
			return "", &ContainerError{Pod: pod.Name, Name: asked, Have: names}
		}
		return asked, nil
	}
	if name := pod.Annotations[defaultContainerAnnotation]; slices.Contains(names, name) {
		return name, nil
	}
	for _, c := range pod.Spec.Containers {
		if !slices.Contains(wellKnownSidecars, c.Name) {
			return c.Name, nil
		}
	}
	return pod.Spec.Containers[0].Name, nil
}

// containerNames lists the containers that run as long as the pod does: also
// init containers that restart always, which is how sidecars are written now.
func containerNames(pod *corev1.Pod) []string {
	var names []string
	for _, c := range pod.Spec.Containers {
		names = append(names, c.Name)
	}
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			names = append(names, c.Name)
		}
	}
	return names
}
