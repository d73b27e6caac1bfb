package kube

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
)

// Replica is one of the pods that a target means.
type Replica struct {
	Name  string
	UID   string
	Ready bool
}

// Replicas lists the pods of a target that run and are not going away, ready or
// not; for a pod, itself. That there are none is no error.
func (c *Cluster) Replicas(ctx context.Context, t Target) ([]Replica, error) {
	var pods []corev1.Pod
	if t.Kind.Name == KindPod.Name {
		pod, err := c.Pod(ctx, t.Name)
		if is[*NotFoundError](err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		pods = append(pods, *pod)
	} else {
		var err error
		pods, err = c.podsOf(ctx, t)
		if err != nil && !errors.Is(err, errNoActiveJob) {
			return nil, err
		}
	}
	var out []Replica
	for _, p := range pods {
		if p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil {
			out = append(out, Replica{Name: p.Name, UID: string(p.UID), Ready: isReady(&p)})
		}
	}
	return out, nil
}
