package kube

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Probe is a question that the node asks a container, to restart it or to keep
// callers from it by the answer.
type Probe struct {
	Kind      string // "liveness", "readiness" or "startup"
	Container string
	Asks      string // "GET /healthz", "TCP" or "gRPC"
	// Pattern is a regular expression for the paths of its HTTP requests; empty
	// for a probe that makes none, or none that can be read.
	Pattern string
}

// String reads like "the liveness probe GET /healthz of container app".
func (p Probe) String() string {
	return fmt.Sprintf("the %s probe %s of container %s", p.Kind, p.Asks, p.Container)
}

// Probes lists the probes of a pod that use one of its ports, without the
// startup probes of containers that have started: they are not asked any more.
func Probes(pod *corev1.Pod, port uint16) []Probe {
	var out []Probe
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, p := range []struct {
			kind  string
			probe *corev1.Probe
		}{{"startup", c.StartupProbe}, {"liveness", c.LivenessProbe}, {"readiness", c.ReadinessProbe}} {
			if p.probe == nil || p.kind == "startup" && started(pod, c.Name) {
				continue
			}
			asks, pattern, ok := probe(pod, &c, p.probe.ProbeHandler, port)
			if ok {
				out = append(out, Probe{Kind: p.kind, Container: c.Name, Asks: asks, Pattern: pattern})
			}
		}
	}
	return out
}

func started(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.Name == container && s.Started != nil && *s.Started
	})
}

func probe(pod *corev1.Pod, c *corev1.Container, h corev1.ProbeHandler, port uint16) (asks, pattern string, ok bool) {
	here := func(host string, p intstr.IntOrString) bool {
		return (host == "" || host == pod.Status.PodIP) && number(c, p) == int(port)
	}
	switch {
	case h.HTTPGet != nil && here(h.HTTPGet.Host, h.HTTPGet.Port):
		path := "/" + strings.TrimPrefix(h.HTTPGet.Path, "/")
		if h.HTTPGet.Scheme == corev1.URISchemeHTTPS {
			return "GET https " + path, "", true
		}
		if path == "/" {
			return "GET /", "^/$", true // rather than all paths
		}
		return "GET " + path, "^" + regexp.QuoteMeta(path), true
	case h.TCPSocket != nil && here(h.TCPSocket.Host, h.TCPSocket.Port):
		return "TCP", "", true
	case h.GRPC != nil && h.GRPC.Port == int32(port):
		return "gRPC", `^/grpc\.health\.v1\.Health/`, true
	}
	return "", "", false
}

// number is a probe's port, which may be one of the container's names.
func number(c *corev1.Container, p intstr.IntOrString) int {
	if p.Type == intstr.Int {
		return p.IntValue()
	}
	for _, named := range c.Ports {
		if named.Name == p.StrVal {
			return int(named.ContainerPort)
		}
	}
	return p.IntValue() // "80" is a number, too
}
