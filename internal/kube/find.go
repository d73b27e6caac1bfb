package kube

import (
	"cmp"
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// FindPod resolves a target to the one pod to use.
//
// A workload's pod is Running, Ready and not going away. Among several, one for
// which prefer says true comes first (it has an agent already), then the oldest.
// A pod that was named directly only has to run: a person who names a pod that
// is not ready may want to find out why.
//
// The container is checked or chosen too. prefer may be nil.
func (c *Cluster) FindPod(ctx context.Context, t Target, prefer func(podUID string) bool) (Pod, error) {
	pod, err := c.findPod(ctx, t, prefer)
	if err != nil {
		return Pod{}, err
	}
	return newPod(pod, t.Container)
}

func (c *Cluster) findPod(ctx context.Context, t Target, prefer func(string) bool) (*corev1.Pod, error) {
	if t.Kind.Name == KindPod.Name {
		return c.namedPod(ctx, t)
	}
	notReady := &NotReadyError{Target: t.Kind.Name + "/" + t.Name + labelText(t.Labels), Namespace: c.Namespace}

	pods, err := c.podsOf(ctx, t)
	switch {
	case errors.Is(err, errNoSelector), errors.Is(err, errNoActiveJob):
		notReady.Why = err.Error()
		return nil, notReady
	case err != nil:
		return nil, err
	}
	if best := choose(pods, prefer); best != nil {
		return best, nil
	}
	notReady.Pods = summaries(pods)
	return nil, notReady
}

// podsOf lists the pods of what is not a pod.
func (c *Cluster) podsOf(ctx context.Context, t Target) ([]corev1.Pod, error) {
	selector := labels.SelectorFromSet(t.Labels).String()
	if t.Kind.Name != KindLabel.Name {
		var err error
		if selector, err = c.selector(ctx, t.Kind, t.Name); err != nil {
			return nil, err
		}
	}
	return c.Pods(ctx, selector)
}

func (c *Cluster) namedPod(ctx context.Context, t Target) (*corev1.Pod, error) {
	pod, err := c.Pod(ctx, t.Name)
	if err != nil {
		return nil, c.named(ctx, KindPod, err)
	}
	if pod.Status.Phase != corev1.PodRunning || pod.DeletionTimestamp != nil {
		return nil, &NotRunningError{Pod: pod.Name, Namespace: pod.Namespace, State: PodState(pod)}
	}
	return pod, nil
}

// choose takes the best of the ready pods, or nil.
func choose(pods []corev1.Pod, prefer func(string) bool) *corev1.Pod {
	ready := slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool { return !isReady(&p) })
	if len(ready) == 0 {
		return nil
	}
	rank := func(p corev1.Pod) int {
		if prefer != nil && prefer(string(p.UID)) {
			return 0
		}
		return 1
	}
	best := slices.MinFunc(ready, func(a, b corev1.Pod) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return &best
}

// maxSummaries bounds the pods that an error lists.
const maxSummaries = 5

func summaries(pods []corev1.Pod) []string {
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	var out []string
	for i := range pods {
		if i == maxSummaries {
			return append(out, "…")
		}
		out = append(out, pods[i].Name+": "+PodState(&pods[i]))
	}
	return out
}
