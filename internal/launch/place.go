package launch

import (
	"context"
	"errors"
	"net"

	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// place is where an agent is wanted: in a pod, or in one of its own.
type place struct {
	cluster   string
	namespace string
	image     string
	target    kube.Target
	pod       *kube.Pod // nil: targetless
}

// place resolves a target, to a pod that has an agent already if there is one.
func (l *Launcher) place(ctx context.Context, target kube.Target) (place, error) {
	p := place{cluster: l.cluster.ID(), namespace: l.cluster.Namespace, image: l.cfg.Image, target: target}
	if target.IsZero() {
		return p, nil
	}
	pod, err := l.cluster.FindPod(ctx, target, l.hasAgent(p))
	p.pod = &pod
	return p, err
}

// hasAgent returns a function that tells the pods for which there is a record.
// The records are read when it is first asked.
func (l *Launcher) hasAgent(p place) func(podUID string) bool {
	var recorded map[string]bool
	return func(podUID string) bool {
		if recorded == nil {
			recorded = map[string]bool{}
			for _, r := range l.store.all() {
				if r.Cluster == p.cluster && r.Image == p.image {
					recorded[r.PodUID] = true
				}
			}
		}
		return recorded[podUID]
	}
}

func (p place) key() string {
	where := "targetless"
	if p.pod != nil {
		where = "pod\x00" + p.pod.UID
	}
	return recordKey(p.cluster, p.namespace, where, p.image, noPrivileges)
}

// newRecord begins a launch at this place.
func (p place) newRecord() record {
	r := record{
		Cluster: p.cluster, Namespace: p.namespace, Image: p.image, Target: p.target.String(),
		Privileges: noPrivileges, Port: randomPort(), Seed: newKey().Seed(), Created: now(), State: launching,
	}
	name := "fwd-agent-" + randomSuffix()
	if p.pod == nil {
		r.Job, r.Container = name, jobContainer
	} else {
		r.Pod, r.PodUID, r.Container = p.pod.Name, p.pod.UID, name
	}
	return r
}

// agent is the agent of a record as seen from this place.
func (p place) agent(r record) Agent {
	a := r.agent()
	if p.pod != nil {
		a.Target = p.target.String()
		a.TargetContainer, a.Note, a.HostNetwork = p.pod.Container, p.pod.Note, p.pod.HostNetwork
	}
	return a
}

// look reads the pod of an agent. It is nil, without an error, as long as a Job
// has not made one.
func (l *Launcher) look(ctx context.Context, r record) (*corev1.Pod, error) {
	cluster := l.cluster.In(r.Namespace)
	if r.Pod == "" {
		pods, err := cluster.Pods(ctx, instanceLabel+"="+r.Job)
		if err != nil || len(pods) == 0 {
			return nil, err
		}
		return &pods[0], nil
	}
	pod, err := cluster.Pod(ctx, r.Pod)
	if err == nil && string(pod.UID) != r.PodUID {
		return nil, &kube.NotFoundError{Kind: "pod", Name: r.Pod, Namespace: r.Namespace}
	}
	return pod, err
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*kube.NotFoundError](err)
	return ok
}

// barred reports whether the way to the pod is closed to us whatever agent is
// behind it: permissions, credentials, the network.
func barred(err error) bool {
	_, forbidden := errors.AsType[*kube.ForbiddenError](err)
	_, unauthorized := errors.AsType[*kube.UnauthorizedError](err)
	_, config := errors.AsType[*kube.ConfigError](err)
	return forbidden || unauthorized || config || unreachable(err)
}

func unreachable(err error) bool {
	_, ok := errors.AsType[*kube.UnreachableError](err)
	return ok
}

// unsent reports whether a request that failed cannot have arrived: there was
// no connection to send it on.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
