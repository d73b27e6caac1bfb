package fwd

import (
	"net/http"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// Probe is a question that the pod's node asks one of its containers. Whoever
// steals the port answers it.
type Probe struct {
	kube.Probe
	Request *ProbeRequest // nil for one that is no HTTP, or TLS
}

// ProbeRequest is the HTTP request of a probe, as far as it is known beforehand.
type ProbeRequest struct {
	Method string
	Path   string // and query
	Header http.Header
}

// Probes lists the probes of the pod that use a port of it. There are none
// before Connect.
func (c *Client) Probes(port uint16) []Probe {
	c.mu.Lock()
	pod := c.agent.Object
	c.mu.Unlock()
	if pod == nil {
		return nil
	}
	return probes(pod, port)
}

func probes(pod *corev1.Pod, port uint16) (out []Probe) {
	containers := slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers)
	for _, p := range kube.Probes(pod, port) {
		i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == p.Container })
		asks := map[string]*corev1.Probe{
			"startup":   containers[i].StartupProbe,
			"liveness":  containers[i].LivenessProbe,
			"readiness": containers[i].ReadinessProbe,
		}[p.Kind]
		out = append(out, Probe{Probe: p, Request: probeRequest(asks.ProbeHandler)})
	}
	return out
}

// probeRequest is the request that the kubelet makes.
func probeRequest(h corev1.ProbeHandler) *ProbeRequest {
	switch {
	case h.GRPC != nil:
		header := http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {"kube-probe/1 grpc-go/1"}}
		return &ProbeRequest{Method: http.MethodPost, Path: "/grpc.health.v1.Health/Check", Header: header}
	case h.HTTPGet != nil && h.HTTPGet.Scheme != corev1.URISchemeHTTPS:
		header := http.Header{}
		for _, field := range h.HTTPGet.HTTPHeaders {
			header.Add(field.Name, field.Value)
		}
		for name, value := range map[string]string{"User-Agent": "kube-probe/1", "Accept": "*/*"} {
			if header[name] == nil {
				header.Set(name, value)
			}
		}
		return &ProbeRequest{Method: http.MethodGet, Path: "/" + strings.TrimPrefix(h.HTTPGet.Path, "/"), Header: header}
	}
	return nil
}
