package launch

import (
	"context"
	"encoding/json"
	"maps"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

const (
	// jobContainer is the agent's container in its Job's pod.
	jobContainer = "fwd-agentd"
	// instanceLabel finds the pod of a Job, in every version of Kubernetes.
	instanceLabel = "app.kubernetes.io/instance"
	// finishedTTL is how many seconds an ended Job can still be looked at.
	finishedTTL int32 = 30
)

// createJob makes a pod for an agent that has no target, or is not to be a
// container of it. A Job, unlike a bare pod, takes itself away when the agent
// ended.
func (l *Launcher) createJob(ctx context.Context, r record) error {
	body, err := json.Marshal(l.job(r))
	if err != nil {
		return err
	}
	call := jobCall("create", r)
	call.Name = ""
	req := l.cluster.Request(call).SetHeader("Content-Type", "application/json").Body(body)
	return l.cluster.Do(ctx, call, req, nil)
}

// deleteJob removes a Job and its pod. That it is gone already is fine.
func (l *Launcher) deleteJob(ctx context.Context, r record) error {
	call := jobCall("delete", r)
	// Without this the Job would go and its pod stay.
	req := l.cluster.In(r.Namespace).Request(call).Param("propagationPolicy", string(metav1.DeletePropagationBackground))
	err := l.cluster.Do(ctx, call, req, nil)
	if isNotFound(err) {
		return nil
	}
	return err
}

func jobCall(verb string, r record) kube.Call {
	return kube.Call{Verb: verb, Group: "batch", Resource: "jobs", Namespace: r.Namespace, Name: r.Job}
}

func (l *Launcher) job(r record) *batchv1.Job {
	labels, annotations := l.labels(r), l.annotations()
	return &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: r.Job, Namespace: r.Namespace, Labels: labels, Annotations: annotations},
		Spec: batchv1.JobSpec{
			BackoffLimit:            new(int32),
			TTLSecondsAfterFinished: new(finishedTTL),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations},
				Spec:       l.podSpec(r),
			},
		},
	}
}

func (l *Launcher) podSpec(r record) corev1.PodSpec {
	security := restricted()
	security.RunAsUser, security.RunAsGroup = new(agentUser), new(agentUser)
	spec := corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		TerminationGracePeriodSeconds: new(int64(5)),
		Tolerations:                   l.cfg.Tolerations,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name:            jobContainer,
			Image:           r.Image,
			ImagePullPolicy: l.cfg.PullPolicy,
			Args:            l.args(r),
			// A namespace with a quota takes only pods that say what they need.
			Resources: corev1.ResourceRequirements{
				Requests: resources("10m", "32Mi"),
				Limits:   resources("1", "256Mi"),
			},
			// Below the limit, so that Go collects rather than the kernel kills.
			Env:                      []corev1.EnvVar{{Name: "GOMEMLIMIT", Value: "200MiB"}},
			SecurityContext:          security,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		}},
	}
	for _, name := range l.cfg.PullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	if r.Entered != nil {
		l.putOnNode(&spec, r.Entered.Node)
	}
	return spec
}

// labels are the Job's and its pod's: the person's own, and over them those
// that make them ours.
func (l *Launcher) labels(r record) map[string]string {
	labels := map[string]string{
		// A mesh's sidecar would never end, and so the Job neither.
		"sidecar.istio.io/inject": "false",
	}
	maps.Copy(labels, l.cfg.Labels)
	labels["app.kubernetes.io/name"] = "fwd-agent"
	labels["app.kubernetes.io/managed-by"] = "fwd"
	labels[instanceLabel] = r.Job
	return labels
}

func (l *Launcher) annotations() map[string]string {
	annotations := map[string]string{"linkerd.io/inject": "disabled"}
	maps.Copy(annotations, l.cfg.Annotations)
	return annotations
}

func resources(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}
}
