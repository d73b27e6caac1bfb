//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Every kind of target leads into its own pod, in all its spellings, with and
// without a container.
func TestTargets(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.workloads()
	t.Run("of each kind", func(t *testing.T) { // until its parallel subtests have ended
		for _, tt := range []struct {
			app       string // label of the pod that it must be
			spellings []string
		}{
			{"cron", []string{"cronjob/cron", "cj/cron"}}, // first, because its Job comes with the minute
			{"solo", []string{"solo", "pod/solo", "po/solo", "pods/solo", "label/app=solo", "label/app=solo,app.kubernetes.io/part-of=e2e"}},
			{"web", []string{"deploy/web", "deployment/web", "deployments.apps/web", "svc/web", "service/web"}},
			{"db", []string{"sts/db", "statefulset/db", "pod/db-0"}},
			{"node", []string{"ds/node", "daemonset/node"}},
			{"set", []string{"rs/set", "replicaset/set"}},
			{"batch", []string{"job/batch", "jobs.batch/batch"}},
		} {
			t.Run(tt.app, func(t *testing.T) {
				t.Parallel()
				s := s.with(t)
				pod := s.readyPod(tt.app)
				for _, target := range append(tt.spellings, tt.spellings[0]+"/container/side") {
					assert.Equal(t, pod, s.podAt("-t", target), "pod of %s", target)
				}
				assert.Equal(t, pod, s.podAt("-t", tt.spellings[0], "-c", "side"))
				assert.Len(t, s.ephemeral(pod), 1, "agents that were launched")

				r := s.run(nil, "fwd-dial", "-t", tt.spellings[0]+"/container/none", "localhost:7000")
				assert.Equal(t, 3, r.code)
				assert.Equal(t, fmt.Sprintf("fwd-dial: error: pod %q has no container \"none\", only app, side\n", pod), r.stderr)
			})
		}
	})
	t.Run("from the environment", func(t *testing.T) {
		s := s.with(t)
		cmd := s.command("fwd-dial", "localhost:7000")
		cmd.Env = s.env("FWD_TARGET=sts/db")
		assert.Equal(t, "db-0", s.ok(s.finish(cmd, nil)))
	})
	assert.Empty(t, s.jobs(t.Context()), "agents in pods of their own")
}

// workloads makes one of every kind that has pods; in each pod port 7000 says
// the pod's name.
func (s *space) workloads() {
	s.t.Helper()
	ctx, meta := s.t.Context(), func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name, "app.kubernetes.io/part-of": "e2e"}}
	}
	selector := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{name, "another"}},
		}}
	}
	template := func(name string) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{ObjectMeta: meta(name), Spec: nameTeller()}
	}
	job := func(name string) batchv1.JobSpec {
		tmpl := template(name)
		tmpl.Spec.RestartPolicy = corev1.RestartPolicyNever
		return batchv1.JobSpec{Template: tmpl}
	}
	var errs []error
	made := func(_ any, err error) { errs = append(errs, err) }
	create := metav1.CreateOptions{}
	made(client.BatchV1().CronJobs(s.name).Create(ctx, &batchv1.CronJob{ObjectMeta: meta("cron"), Spec: batchv1.CronJobSpec{
		Schedule: "* * * * *", ConcurrencyPolicy: batchv1.ForbidConcurrent, JobTemplate: batchv1.JobTemplateSpec{Spec: job("cron")},
	}}, create))
	made(client.BatchV1().Jobs(s.name).Create(ctx, &batchv1.Job{ObjectMeta: meta("batch"), Spec: job("batch")}, create))
	made(client.CoreV1().Pods(s.name).Create(ctx, &corev1.Pod{ObjectMeta: meta("solo"), Spec: nameTeller()}, create))
	made(client.AppsV1().Deployments(s.name).Create(ctx, &appsv1.Deployment{ObjectMeta: meta("web"),
		Spec: appsv1.DeploymentSpec{Selector: selector("web"), Template: template("web")}}, create))
	made(client.AppsV1().StatefulSets(s.name).Create(ctx, &appsv1.StatefulSet{ObjectMeta: meta("db"),
		Spec: appsv1.StatefulSetSpec{Selector: selector("db"), Template: template("db")}}, create))
	made(client.AppsV1().DaemonSets(s.name).Create(ctx, &appsv1.DaemonSet{ObjectMeta: meta("node"),
		Spec: appsv1.DaemonSetSpec{Selector: selector("node"), Template: template("node")}}, create))
	made(client.AppsV1().ReplicaSets(s.name).Create(ctx, &appsv1.ReplicaSet{ObjectMeta: meta("set"),
		Spec: appsv1.ReplicaSetSpec{Selector: selector("set"), Template: template("set")}}, create))
	for _, err := range errs {
		require.NoError(s.t, err)
	}
	s.newService("web", 7000)
}

// nameTeller is a pod whose port 7000 says the pod's name, and which has a
// second container.
func nameTeller() corev1.PodSpec {
	spec := podSpec(7000, "workload", "banner", "-text", "$(POD)")
	spec.Containers[0].Env = []corev1.EnvVar{{Name: "POD", ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"},
	}}}
	spec.Containers = append(spec.Containers, podSpec(0, "workload", "idle", "-port", "7001").Containers[0])
	spec.Containers[1].Name = "side"
	return spec
}

// podAt is the name of the pod that fwd-dial with these arguments is in.
func (s *space) podAt(args ...string) string {
	s.t.Helper()
	return s.ok(s.run(nil, "fwd-dial", append(args, "localhost:7000")...))
}

// readyPod waits for the pod with the label app to be ready.
func (s *space) readyPod(app string) (name string) {
	s.t.Helper()
	s.eventually("pod of "+app, func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return ready(&p) })
		if i < 0 {
			return fmt.Errorf("none of %d is ready", len(pods.Items))
		}
		name = pods.Items[i].Name
		return nil
	})
	return name
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
