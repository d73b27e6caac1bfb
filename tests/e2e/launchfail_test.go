//go:build e2e

package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A launch that cannot work fails with the reason and the remedy, long before
// it would time out, and leaves nothing that runs.
func TestLaunchThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prepare func(s *space)
		args    []string
		code    int
		says    string
		hint    string
	}{
		{
			name: "image cannot be pulled",
			args: []string{"--agent-image", "no.such.registry.invalid/x:1"},
			code: 4, says: `no.such.registry.invalid/x:1`, hint: "--agent-image",
		},
		{
			name: "image cannot be pulled, in a target",
			args: []string{"-t", "pod/web", "--agent-image", "no.such.registry.invalid/x:1"},
			code: 4, says: `no.such.registry.invalid/x:1`, hint: "--agent-image",
		},
		{
			name: "image is not on the node",
			args: []string{"--agent-image", "fwd-none:1", "--agent-pull-policy", "Never"},
			code: 4, says: "not present with pull policy of Never", hint: "--agent-image",
		},
		{
			name: "image is not on the node, in a target",
			args: []string{"-t", "pod/web", "--agent-image", "fwd-none:1", "--agent-pull-policy", "Never"},
			code: 4, says: "not present with pull policy of Never", hint: "--agent-image",
		},
		{
			name: "image is another program that ends",
			args: []string{"--agent-image", workloadImage},
			code: 4, says: "ended with exit code", hint: "--agent-image",
		},
		{
			name: "image is another program that stays",
			args: []string{"--agent-image", pauseImage(t), "--agent-start-timeout", "5s"},
			code: 4, says: "no answer within 5s, last seen: running", hint: "--agent-start-timeout",
		},
		{
			name:    "no node takes it",
			prepare: (*space).keepAgentsOff,
			code:    4, says: "anti-affinity", hint: "-t",
		},
		{
			name:    "quota for pods",
			prepare: func(s *space) { s.quota("pods") },
			code:    4, says: "exceeded quota: none", hint: "-t",
		},
		{
			name:    "quota for jobs",
			prepare: func(s *space) { s.quota("count/jobs.batch") },
			code:    3, says: "exceeded quota: none", hint: "quota",
		},
		{
			name:    "limits",
			prepare: (*space).wantHugePods,
			code:    4, says: "minimum memory usage per Container is 64Gi", hint: "-t",
		},
		{
			name:    "Pod Security",
			prepare: (*space).restrictLater,
			args:    []string{"-t", "pod/web"},
			code:    3, says: `violates PodSecurity "restricted:latest"`, hint: "Pod Security",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t, nil)
			s.pod("web", podSpec(7000, "workload", "echo", "-port", "7000"))
			if tt.prepare != nil {
				tt.prepare(s)
			}
			begin := time.Now()
			r := s.run(nil, "fwd-dial", append([]string{"--agent-start-timeout", "80s", "localhost:7000"}, tt.args...)...)
			t.Logf("%.1f s\n%s", time.Since(begin).Seconds(), r.stderr)
			assert.Less(t, time.Since(begin), 40*time.Second)
			assert.Equal(t, tt.code, r.code)
			assert.Empty(t, r.stdout)
			message, hint, _ := strings.Cut(r.stderr, "fwd-dial: hint: ")
			assert.Contains(t, message, tt.says)
			assert.Contains(t, hint, tt.hint)
			assert.NotContains(t, message, "warning")
			// What stays listed in somebody's pod is known by name, and is forgotten
			// when it is stopped.
			s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
			s.assertClean(t.Context())
		})
	}
}

// keepAgentsOff occupies the only node with a pod that suffers no agent there.
func (s *space) keepAgentsOff() {
	spec := podSpec(0, "workload", "idle")
	spec.Affinity = &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": "fwd-agent"}},
			TopologyKey:   "kubernetes.io/hostname",
		}},
	}}
	s.pod("recluse", spec)
}

// quota allows no more of a resource.
func (s *space) quota(name corev1.ResourceName) {
	s.t.Helper()
	_, err := client.CoreV1().ResourceQuotas(s.name).Create(s.t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "none"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{name: resource.MustParse("0")}},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.eventually("quota in force", func(ctx context.Context) error {
		q, err := client.CoreV1().ResourceQuotas(s.name).Get(ctx, "none", metav1.GetOptions{})
		if err == nil && len(q.Status.Hard) == 0 {
			err = errors.New("not yet")
		}
		return err
	})
}

// wantHugePods refuses pods that are not larger than any node.
func (s *space) wantHugePods() {
	s.t.Helper()
	_, err := client.CoreV1().LimitRanges(s.name).Create(s.t.Context(), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "huge"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, Min: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Gi")},
		}}},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
}

// restrictLater makes the namespace refuse what runs in it already.
func (s *space) restrictLater() {
	s.t.Helper()
	patch := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`)
	_, err := client.CoreV1().Namespaces().Patch(s.t.Context(), s.name, types.MergePatchType, patch, metav1.PatchOptions{})
	require.NoError(s.t, err)
}
