package fwd

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestProbesHaveTheirRequests(t *testing.T) {
	port := intstr.FromInt32(80)
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Name: "side"},
		{
			Name: "app",
			LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
				Path: "health?a=1", Port: port, HTTPHeaders: []corev1.HTTPHeader{{Name: "x-user", Value: "a"}, {Name: "X-User", Value: "b"}, {Name: "accept", Value: "x/y"}},
			}}},
			ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 80}}},
			StartupProbe:   &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: port, Scheme: corev1.URISchemeHTTPS}}},
		},
	}}}
	got := probes(pod, 80)
	require.Len(t, got, 3)
	assert.Nil(t, got[0].Request, "%v", got[0])
	assert.Equal(t, &ProbeRequest{Method: "GET", Path: "/health?a=1", Header: http.Header{
		"X-User": {"a", "b"}, "Accept": {"x/y"}, "User-Agent": {"kube-probe/1"},
	}}, got[1].Request, "%v", got[1])
	assert.Equal(t, "/grpc.health.v1.Health/Check", got[2].Request.Path, "%v", got[2])
}

func TestReplica(t *testing.T) {
	for _, cfg := range []Config{
		{Namespace: "n", Target: "deploy/web/container/app"},
		{Namespace: "n", Target: "deploy/web", Container: "app"},
	} {
		assert.Equal(t, Config{Namespace: "n", Target: "pod/web-1", Container: "app"}, cfg.Replica("web-1"))
	}
}
