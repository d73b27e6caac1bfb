//go:build e2e

package e2e

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Of several pods, it is always the one that has an agent.
func TestManyReplicasOnePod(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("web", 3, nameTeller())
	s.service("web", 7000)
	pods := s.podsOf("web")
	require.Len(t, pods, 3)
	// The one that would be chosen last.
	chosen := s.podAt("-t", "deploy/web")
	for _, pod := range pods {
		for range 3 {
			assert.Equal(t, chosen, s.podAt("-t", "deploy/web"))
		}
		if pod != chosen {
			assert.Empty(t, s.ephemeral(pod))
		}
	}
	assert.Equal(t, chosen, s.podAt("-t", "svc/web"))
	assert.Len(t, s.ephemeral(chosen), 1, "agents that were launched")

	// It is where the agent is, not where the name comes first.
	s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
	for _, pod := range pods {
		if pod != chosen {
			assert.Equal(t, pod, s.podAt("-t", "pod/"+pod))
			assert.Equal(t, pod, s.podAt("-t", "deploy/web"))
			assert.Equal(t, pod, s.podAt("-t", "label/app=web"))
			break
		}
	}
}

// A pod that does not take part in the Service is not chosen, also when it has
// an agent already; but it can be named.
func TestPodThatIsNotReadyIsNotChosen(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	spec := nameTeller()
	spec.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "!", "-e", "/tmp/tired"}}},
		PeriodSeconds:    1,
		FailureThreshold: 1,
	}
	s.deployment("web", 2, spec)
	first := s.podAt("-t", "deploy/web")
	s.tire(first)
	second := s.podAt("-t", "deploy/web")
	assert.NotEqual(t, first, second)
	assert.Equal(t, first, s.podAt("-t", first), "a pod that is named")

	s.tire(second)
	for _, target := range []string{"deploy/web", "label/app=web"} {
		r := s.run(nil, "fwd-dial", "-t", target, "localhost:7000")
		assert.Equal(t, 3, r.code)
		assert.Contains(t, r.stderr, "has no ready pod: web-")
		assert.Contains(t, r.stderr, first+": not ready")
		assert.Contains(t, r.stderr, second+": not ready")
		assert.Contains(t, r.stderr, "fwd-dial: hint: wait until it is rolled out, or name a pod: -t pod/NAME\n")
	}
}

// tire makes a pod unready.
func (s *space) tire(pod string) {
	s.t.Helper()
	s.inPod(pod, nil, "touch", "/tmp/tired")
	s.eventually("pod "+pod, func(ctx context.Context) error {
		p, err := client.CoreV1().Pods(s.name).Get(ctx, pod, metav1.GetOptions{})
		if err == nil && ready(p) {
			err = errors.New("is ready")
		}
		return err
	})
}
