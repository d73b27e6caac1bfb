package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestReplicas(t *testing.T) {
	ready, tired, leaving, done := readyPod("web-1", 0), readyPod("web-2", 0), readyPod("web-3", 0), readyPod("web-4", 0)
	tired.Status.Conditions = nil
	leaving.DeletionTimestamp = &metav1.Time{Time: birth}
	done.Status.Phase = corev1.PodSucceeded
	c := (&api{pods: []*corev1.Pod{ready, tired, leaving, done}}).serve(t)
	for arg, want := range map[string][]Replica{
		"label/app=web": {{"web-1", string(ready.UID), true}, {"web-2", string(tired.UID), false}},
		"pod/web-2":     {{"web-2", string(tired.UID), false}},
		"pod/web-3":     nil,
		"pod/gone":      nil,
		"label/app=x":   nil,
	} {
		target, err := ParseTarget(arg)
		require.NoError(t, err)
		got, err := c.Replicas(t.Context(), target)
		require.NoError(t, err, arg)
		assert.Equal(t, want, got, arg)
	}
	target, err := ParseTarget("deploy/gone")
	require.NoError(t, err)
	_, err = c.Replicas(t.Context(), target)
	require.Error(t, err)
}
