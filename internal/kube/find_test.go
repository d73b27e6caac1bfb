package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	apps  = "/apis/apps/v1/namespaces/prod/"
	batch = "/apis/batch/v1/namespaces/prod/"
	argo  = "/apis/argoproj.io/v1alpha1/namespaces/prod/"
)

var webSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}

func typed(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "prod"} }

func find(t *testing.T, c *Cluster, arg string, prefer func(string) bool) (Pod, error) {
	target, err := ParseTarget(arg)
	require.NoError(t, err)
	return c.FindPod(t.Context(), target, prefer)
}

// Every kind leads to its pods, by its own selector.
func TestFindPodByKind(t *testing.T) {
	deployment := appsv1.Deployment{TypeMeta: typed("apps/v1", "Deployment"), ObjectMeta: named("web")}
	deployment.Spec.Selector = webSelector
	statefulSet := appsv1.StatefulSet{TypeMeta: typed("apps/v1", "StatefulSet"), ObjectMeta: named("web")}
	statefulSet.Spec.Selector = webSelector
	daemonSet := appsv1.DaemonSet{TypeMeta: typed("apps/v1", "DaemonSet"), ObjectMeta: named("web")}
	daemonSet.Spec.Selector = webSelector
	replicaSet := appsv1.ReplicaSet{TypeMeta: typed("apps/v1", "ReplicaSet"), ObjectMeta: named("web")}
	replicaSet.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"web", "www"}},
		{Key: "canary", Operator: metav1.LabelSelectorOpDoesNotExist},
	}}
	service := corev1.Service{TypeMeta: typed("v1", "Service"), ObjectMeta: named("web")}
	service.Spec.Selector = map[string]string{"app": "web"}

	oldJob := batchv1.Job{TypeMeta: typed("batch/v1", "Job"), ObjectMeta: named("nightly-1")}
	oldJob.CreationTimestamp = metav1.NewTime(birth)
	oldJob.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "old"}}
	newJob := batchv1.Job{TypeMeta: typed("batch/v1", "Job"), ObjectMeta: named("nightly-2")}
	newJob.CreationTimestamp = metav1.NewTime(birth.AddDate(0, 0, 1))
	newJob.Spec.Selector = webSelector
	cronJob := batchv1.CronJob{TypeMeta: typed("batch/v1", "CronJob"), ObjectMeta: named("nightly")}
	cronJob.Status.Active = []corev1.ObjectReference{{Name: "nightly-2"}, {Name: "nightly-1"}, {Name: "nightly-0"}}

	canary := readyPod("web-0", -5)
	canary.Labels["canary"] = "yes"
	other := readyPod("other", -9)
	other.Labels = map[string]string{"app": "other"}

	a := &api{
		objects: map[string]any{
			apps + "deployments/web":             deployment,
			apps + "statefulsets/web":            statefulSet,
			apps + "daemonsets/web":              daemonSet,
			apps + "replicasets/web":             replicaSet,
			batch + "jobs/nightly-1":             oldJob,
			batch + "jobs/nightly-2":             newJob,
			batch + "cronjobs/nightly":           cronJob,
			"/api/v1/namespaces/prod/services/w": service,
			argo + "rollouts/own": map[string]any{
				"spec": map[string]any{"selector": webSelector},
			},
			argo + "rollouts/borrowed": map[string]any{
				"spec": map[string]any{"workloadRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
			},
		},
		pods: []*corev1.Pod{other, canary, readyPod("web-1", 0)},
	}
	c := a.serve(t)
	for arg, want := range map[string]string{
		"deploy/web":          "web-0",
		"sts/web":             "web-0",
		"ds/web":              "web-0",
		"rs/web":              "web-1", // matchExpressions leave the canary out
		"job/nightly-2":       "web-0",
		"cronjob/nightly":     "web-0",
		"svc/w":               "web-0",
		"rollout/own":         "web-0",
		"rollout/borrowed":    "web-0",
		"label/app=web":       "web-0",
		"pod/web-1":           "web-1",
		"other":               "other",
		"other/container/app": "other",
	} {
		pod, err := find(t, c, arg, nil)
		require.NoError(t, err, arg)
		assert.Equal(t, want, pod.Name, arg)
		assert.Equal(t, "uid-"+want, pod.UID, arg)
		assert.Equal(t, "prod", pod.Namespace, arg)
		assert.Equal(t, "app", pod.Container, arg)
		assert.Empty(t, pod.Note, arg)
	}
}

func TestFindPodChoosesAmongPods(t *testing.T) {
	c := (&api{pods: []*corev1.Pod{
		unready(readyPod("unready", -9)),
		terminating(readyPod("terminating", -8)),
		readyPod("young", 5),
		readyPod("old-b", 1),
		readyPod("old-a", 1),
	}}).serve(t)

	pod, err := find(t, c, "label/app=web", nil)
	require.NoError(t, err)
	assert.Equal(t, "old-a", pod.Name, "the oldest ready one, by name among equals")

	pod, err = find(t, c, "label/app=web", func(uid string) bool { return uid == "uid-young" })
	require.NoError(t, err)
	assert.Equal(t, "young", pod.Name, "the preferred one")

	pod, err = find(t, c, "label/app=web", func(uid string) bool { return uid == "uid-unready" })
	require.NoError(t, err)
	assert.Equal(t, "old-a", pod.Name, "readiness goes before preference")
}

func TestFindPodNamesThePodsThatAreNotReady(t *testing.T) {
	c := (&api{pods: []*corev1.Pod{
		waiting(readyPod("web-2", 0), "CrashLoopBackOff"),
		terminating(readyPod("web-1", 0)),
		unready(readyPod("web-3", 0)),
	}}).serve(t)
	_, err := find(t, c, "label/app=web", nil)
	var notReady *NotReadyError
	require.ErrorAs(t, err, &notReady)
	assert.Equal(t, []string{"web-1: Terminating", "web-2: CrashLoopBackOff", "web-3: not ready"}, notReady.Pods)
	assert.EqualError(t, err,
		`label/app=web in namespace "prod" has no ready pod: web-1: Terminating, web-2: CrashLoopBackOff, web-3: not ready`)

	_, err = find(t, c, "label/app=other", nil)
	assert.EqualError(t, err, `label/app=other in namespace "prod" has no ready pod: it has none at all`)
}

func TestFindPodDirectlyNamed(t *testing.T) {
	pending := readyPod("pending", 0)
	pending.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable"},
	}}
	done := readyPod("done", 0)
	done.Status = corev1.PodStatus{Phase: corev1.PodSucceeded}
	c := (&api{pods: []*corev1.Pod{
		waiting(readyPod("crashing", 0), "CrashLoopBackOff"), terminating(readyPod("leaving", 0)), pending, done,
	}}).serve(t)

	pod, err := find(t, c, "crashing", nil)
	require.NoError(t, err, "a pod that was named need not be ready")
	assert.Equal(t, "CrashLoopBackOff", pod.Note, "but that is noted")

	for name, state := range map[string]string{"leaving": "Terminating", "pending": "Unschedulable", "done": "Succeeded"} {
		_, err := find(t, c, name, nil)
		var notRunning *NotRunningError
		require.ErrorAs(t, err, &notRunning, name)
		assert.Equal(t, state, notRunning.State)
	}
}

func TestFindPodServiceWithoutSelector(t *testing.T) {
	c := (&api{objects: map[string]any{
		"/api/v1/namespaces/prod/services/db": corev1.Service{TypeMeta: typed("v1", "Service"), ObjectMeta: named("db")},
	}}).serve(t)
	_, err := find(t, c, "svc/db", nil)
	assert.EqualError(t, err, `service/db in namespace "prod" has no ready pod: it has no selector`)
}

func TestFindPodCronJobThatDoesNotRun(t *testing.T) {
	c := (&api{objects: map[string]any{
		batch + "cronjobs/nightly": batchv1.CronJob{TypeMeta: typed("batch/v1", "CronJob"), ObjectMeta: named("nightly")},
	}}).serve(t)
	_, err := find(t, c, "cronjob/nightly", nil)
	assert.EqualError(t, err, `cronjob/nightly in namespace "prod" has no ready pod: none of its jobs is running now`)
}

func TestFindPodSuggestsNames(t *testing.T) {
	c := (&api{
		objects: map[string]any{apps + "deployments": names("web", "wep-proxy", "db")},
		pods:    nil,
	}).serve(t)
	_, err := find(t, c, "deploy/wep", nil)
	var notFound *NotFoundError
	require.ErrorAs(t, err, &notFound)
	assert.EqualError(t, err, `deployment "wep" not found in namespace "prod", did you mean web or wep-proxy?`)

	c = (&api{objects: map[string]any{argo + "rollouts": names("web")}}).serve(t)
	_, err = find(t, c, "rollout/wep", nil)
	assert.EqualError(t, err, `rollout "wep" not found in namespace "prod", did you mean web?`)

	c = (&api{objects: map[string]any{
		apps + "deployments": status(403, metav1.StatusReasonForbidden, "no"),
	}}).serve(t)
	_, err = find(t, c, "deploy/wep", nil)
	assert.EqualError(t, err, `deployment "wep" not found in namespace "prod"`)
}
