package launch

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

func TestJobSpec(t *testing.T) {
	w := newWorld(t)
	l := w.launcher(t, func(c *Config) {
		c.PullSecrets = []string{"registry"}
		c.Labels = map[string]string{"team": "a", "app.kubernetes.io/name": "mine"}
		c.Annotations = map[string]string{"why": "debugging"}
		c.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	})
	a, err := l.Ensure(t.Context(), kube.Target{}, w.connect)
	require.NoError(t, err)
	job := w.jobs[a.Job]
	require.NotNil(t, job)
	assert.Equal(t, "batch/v1", job.APIVersion)
	assert.Zero(t, *job.Spec.BackoffLimit)
	assert.Equal(t, finishedTTL, *job.Spec.TTLSecondsAfterFinished)
	for _, meta := range []metav1.ObjectMeta{job.ObjectMeta, job.Spec.Template.ObjectMeta} {
		assert.Equal(t, map[string]string{
			"app.kubernetes.io/name": "fwd-agent", "app.kubernetes.io/managed-by": "fwd", instanceLabel: a.Job,
			"sidecar.istio.io/inject": "false", "team": "a",
		}, meta.Labels)
		assert.Equal(t, "debugging", meta.Annotations["why"])
	}
	pod := job.Spec.Template.Spec
	assert.Equal(t, corev1.RestartPolicyNever, pod.RestartPolicy)
	assert.False(t, *pod.AutomountServiceAccountToken)
	assert.False(t, *pod.EnableServiceLinks)
	assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}}, pod.ImagePullSecrets)
	assert.Equal(t, l.cfg.Tolerations, pod.Tolerations)
	require.Len(t, pod.Containers, 1)
	c := pod.Containers[0]
	assertRestricted(t, c.SecurityContext)
	assert.Equal(t, agentUser, *c.SecurityContext.RunAsUser)
	assert.NotEmpty(t, c.Resources.Requests)
	assert.NotEmpty(t, c.Resources.Limits)
	assert.Equal(t, corev1.PullIfNotPresent, c.ImagePullPolicy)
	assert.Equal(t, "--idle=5m0s", c.Args[2])
}

func TestJobOfAFailedLaunchIsDeleted(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*world)
		reason Reason
		text   string
	}{
		"image": {func(w *world) { w.start = always(waits("ErrImagePull", "not found")) }, ReasonImage, "ErrImagePull: not found"},
		"container": {
			func(w *world) { w.start = always(waits("CreateContainerConfigError", "no user")) },
			ReasonContainer, "CreateContainerConfigError: no user",
		},
		"exit":          {func(w *world) { w.start = always(ended(2, "")) }, ReasonExited, "it ended with exit code 2"},
		"unschedulable": {func(w *world) { w.pending = "0/1 nodes are available: 1 Insufficient cpu." }, ReasonUnschedulable, "Insufficient cpu"},
		"quota": {func(w *world) {
			w.noPods = true
			w.events = []corev1.Event{{Reason: "FailedCreate", Message: `Error creating: pods is forbidden: exceeded quota: few`}}
		}, ReasonNoPod, "exceeded quota: few"},
		"nobody says why": {func(w *world) {
			w.noPods = true
			w.refused["list events"] = apiStatus(403, metav1.StatusReasonForbidden, `User "jane" cannot list resource "events" in API group ""`)
		}, ReasonNoPod, "kubectl -n prod get events says why"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.world(w)
			l := w.launcher(t)
			_, err := l.Ensure(t.Context(), kube.Target{}, w.connect)
			var failed *Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, tc.reason, failed.Reason)
			assert.ErrorContains(t, err, tc.text)
			assert.Empty(t, failed.Left)
			assert.Empty(t, w.jobs)
			assert.Empty(t, w.pods)
			assert.Empty(t, l.store.all())
		})
	}
}

func TestJobOfACancelledLaunchIsDeleted(t *testing.T) {
	w := newWorld(t)
	w.deaf = true
	ctx, cancel := context.WithCancel(t.Context())
	l := w.launcher(t)
	_, err := l.Ensure(ctx, kube.Target{}, func(ctx context.Context, a Agent) error {
		cancel()
		return w.connect(ctx, a)
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, w.jobs)
	assert.Empty(t, l.store.all())
}

func TestJobThatCannotBeDeletedIsNamed(t *testing.T) {
	w := newWorld(t)
	w.start = always(waits("ErrImagePull", "not found"))
	w.refused[deleteOp] = apiStatus(403, metav1.StatusReasonForbidden, `User "jane" cannot delete resource "jobs" in API group "batch"`)
	_, err := w.launcher(t).Ensure(t.Context(), kube.Target{}, w.connect)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Left, "job "+failed.Job+" is left in namespace prod")
}
