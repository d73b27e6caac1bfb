package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestProbes(t *testing.T) {
	get := func(path string, port intstr.IntOrString) *corev1.Probe {
		return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: port}}}
	}
	named := []corev1.ContainerPort{{Name: "http", ContainerPort: 80}}
	for name, tt := range map[string]struct {
		container corev1.Container
		want      []string // and the patterns
	}{
		"none":             {corev1.Container{}, nil},
		"another port":     {corev1.Container{LivenessProbe: get("/", intstr.FromInt32(81))}, nil},
		"HTTP":             {corev1.Container{LivenessProbe: get("/healthz", intstr.FromInt32(80))}, []string{"the liveness probe GET /healthz of container app", "^/healthz"}},
		"a name":           {corev1.Container{ReadinessProbe: get("/ready", intstr.FromString("http")), Ports: named}, []string{"the readiness probe GET /ready of container app", "^/ready"}},
		"a number as name": {corev1.Container{StartupProbe: get("x?a=1", intstr.FromString("80"))}, []string{"the startup probe GET /x?a=1 of container app", `^/x\?a=1`}},
		"a name of nobody": {corev1.Container{StartupProbe: get("/", intstr.FromString("http"))}, nil},
		"the root":         {corev1.Container{LivenessProbe: get("", intstr.FromInt32(80))}, []string{"the liveness probe GET / of container app", "^/$"}},
		"HTTPS": {corev1.Container{LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/healthz", Port: intstr.FromInt32(80), Scheme: corev1.URISchemeHTTPS,
		}}}}, []string{"the liveness probe GET https /healthz of container app", ""}},
		"another host": {corev1.Container{LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{
			Host: "127.0.0.1", Port: intstr.FromInt32(80), // of the node
		}}}}, nil},
		"TCP": {corev1.Container{LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{
			Host: "10.0.0.1", Port: intstr.FromInt32(80),
		}}}}, []string{"the liveness probe TCP of container app", ""}},
		"gRPC": {corev1.Container{LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 80}}}},
			[]string{"the liveness probe gRPC of container app", `^/grpc\.health\.v1\.Health/`}},
		"a command": {corev1.Container{LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{}}}}, nil},
		"all, in order": {corev1.Container{
			ReadinessProbe: get("/r", intstr.FromInt32(80)), LivenessProbe: get("/l", intstr.FromInt32(80)), StartupProbe: get("/s", intstr.FromInt32(80)),
		}, []string{
			"the startup probe GET /s of container app", "^/s", "the liveness probe GET /l of container app", "^/l",
			"the readiness probe GET /r of container app", "^/r",
		}},
	} {
		tt.container.Name = "app"
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "side"}, tt.container}}}
		pod.Status.PodIP = "10.0.0.1"
		var got []string
		for _, p := range Probes(pod, 80) {
			got = append(got, p.String(), p.Pattern)
		}
		assert.Equal(t, tt.want, got, name)
	}
}

func TestStartupProbeIsOver(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "app", StartupProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 80}}},
	}}}}
	for _, started := range []bool{false, true} {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", Started: &started}}
		assert.Equal(t, !started, len(Probes(pod, 80)) == 1)
	}
}
