package kube

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// selector returns the label selector of a target's pods, as the cluster's own
// controllers would use it.
func (c *Cluster) selector(ctx context.Context, kind Kind, name string) (string, error) {
	switch kind.Name {
	case KindDeployment.Name:
		obj := &appsv1.Deployment{}
		return selectorOf(c.object(ctx, kind, name, obj), func() *metav1.LabelSelector { return obj.Spec.Selector })
	case KindStatefulSet.Name:
		obj := &appsv1.StatefulSet{}
		return selectorOf(c.object(ctx, kind, name, obj), func() *metav1.LabelSelector { return obj.Spec.Selector })
	case KindDaemonSet.Name:
		obj := &appsv1.DaemonSet{}
		return selectorOf(c.object(ctx, kind, name, obj), func() *metav1.LabelSelector { return obj.Spec.Selector })
	case KindReplicaSet.Name:
		obj := &appsv1.ReplicaSet{}
		return selectorOf(c.object(ctx, kind, name, obj), func() *metav1.LabelSelector { return obj.Spec.Selector })
	case KindJob.Name:
		obj := &batchv1.Job{}
		return selectorOf(c.object(ctx, kind, name, obj), func() *metav1.LabelSelector { return obj.Spec.Selector })
	case KindCronJob.Name:
		return c.cronJobSelector(ctx, name)
	case KindService.Name:
		return c.serviceSelector(ctx, name)
	case KindRollout.Name:
		return c.rolloutSelector(ctx, name)
	}
	return "", fmt.Errorf("kind %s has no selector", kind)
}

func selectorOf(err error, get func() *metav1.LabelSelector) (string, error) {
	if err != nil {
		return "", err
	}
	s, err := metav1.LabelSelectorAsSelector(get())
	if err != nil {
		return "", err
	}
	if s.Empty() {
		// An empty selector would mean every pod of the namespace.
		return "", errNoSelector
	}
	return s.String(), nil
}

// errNoSelector becomes a NotReadyError with the target's name in FindPod.
var errNoSelector = fmt.Errorf("it has no selector")

// serviceSelector refuses a Service without a selector: its endpoints are
// somebody's own list, and need not be pods.
func (c *Cluster) serviceSelector(ctx context.Context, name string) (string, error) {
	svc := &corev1.Service{}
	if err := c.object(ctx, KindService, name, svc); err != nil {
		return "", err
	}
	if len(svc.Spec.Selector) == 0 {
		return "", errNoSelector
	}
	return labels.SelectorFromSet(svc.Spec.Selector).String(), nil
}

// cronJobSelector goes to the newest of the Jobs that are running now.
func (c *Cluster) cronJobSelector(ctx context.Context, name string) (string, error) {
	cron := &batchv1.CronJob{}
	if err := c.object(ctx, KindCronJob, name, cron); err != nil {
		return "", err
	}
	var newest *batchv1.Job
	for _, ref := range cron.Status.Active {
		job := &batchv1.Job{}
		switch err := c.object(ctx, KindJob, ref.Name, job); {
		case is[*NotFoundError](err):
			continue // it ended since
		case err != nil:
			return "", err
		}
		if newest == nil || newest.CreationTimestamp.Before(&job.CreationTimestamp) {
			newest = job
		}
	}
	if newest == nil {
		return "", errNoActiveJob
	}
	return selectorOf(nil, func() *metav1.LabelSelector { return newest.Spec.Selector })
}

var errNoActiveJob = fmt.Errorf("none of its jobs is running now")

// rolloutSelector reads Argo's Rollout, which either has a selector of its own
// or borrows the workload that it names.
func (c *Cluster) rolloutSelector(ctx context.Context, name string) (string, error) {
	var rollout struct {
		Spec struct {
			Selector    *metav1.LabelSelector `json:"selector"`
			WorkloadRef *struct {
				Kind string `json:"kind"`
				Name string `json:"name"`
			} `json:"workloadRef"`
		} `json:"spec"`
	}
	if err := c.raw(ctx, KindRollout, name, &rollout); err != nil {
		return "", err
	}
	spec := rollout.Spec
	if spec.Selector != nil || spec.WorkloadRef == nil {
		return selectorOf(nil, func() *metav1.LabelSelector { return spec.Selector })
	}
	kind, ok := lookupKind(spec.WorkloadRef.Kind)
	if !ok || kind.Name == KindRollout.Name {
		return "", fmt.Errorf("its workloadRef is of kind %q, which has no pods", spec.WorkloadRef.Kind)
	}
	return c.selector(ctx, kind, spec.WorkloadRef.Name)
}
