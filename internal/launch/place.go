package launch

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// place is where an agent is wanted, in a pod or in one of its own, and what it
// must be able to do there.
type place struct {
	cluster    string
	namespace  string
	image      string
	target     kube.Target
	pod        *kube.Pod // nil: targetless
	privileges Privileges
	placement  Placement
	// jobNamespace is for the Job of an agent on the pod's node.
	jobNamespace string
}

// place resolves a target, to a pod that has an agent already if there is one.
func (l *Launcher) place(ctx context.Context, target kube.Target) (place, error) {
	p := place{
		cluster: l.cluster.ID(), namespace: l.cluster.Namespace, image: l.cfg.Image, target: target,
		privileges: l.cfg.Privileges, placement: l.cfg.Placement, jobNamespace: l.cfg.JobNamespace,
	}
	if target.IsZero() {
		if !p.privileges.IsZero() || p.placement == OnNode {
			return p, errNoTarget
		}
		return p, nil
	}
	pod, err := l.cluster.FindPod(ctx, target, l.hasAgent(p))
	if err != nil {
		return p, err
	}
	p.pod = &pod
	if p.placement == OnNode {
		p.privileges = l.nodePrivileges()
	}
	if pod.HostNetwork && !p.privileges.IsZero() {
		return p, &kube.HostNetworkError{Pod: pod.Name, Namespace: pod.Namespace, Node: pod.Object.Spec.NodeName}
	}
	return p, nil
}

// errNoTarget is a mistake of our caller's.
var errNoTarget = errors.New("an agent with privileges, or on a node, needs a target")

// hasAgent returns a function that tells the pods for which there is a record
// of an agent that will do. The records are read when it is first asked.
func (l *Launcher) hasAgent(p place) func(podUID string) bool {
	records := sync.OnceValue(func() []record {
		return slices.DeleteFunc(l.store.all(), func(r record) bool {
			return r.Cluster != p.cluster || r.Image != p.image || !p.enough(r.Privileges)
		})
	})
	return func(podUID string) bool {
		return slices.ContainsFunc(records(), func(r record) bool { return r.in(podUID) })
	}
}

// enough reports whether an agent with these privileges will do.
func (p place) enough(privileges string) bool {
	return slices.ContainsFunc(p.privileges.enough(), func(o Privileges) bool { return o.String() == privileges })
}

// key is that of the record of an agent that is launched for this place.
func (p place) key() string { return p.keyOf(p.placement, p.privileges) }

func (p place) keyOf(placement Placement, privileges Privileges) string {
	where := "targetless"
	if p.pod != nil {
		where = string(placement) + "\x00" + p.pod.UID
	}
	return recordKey(p.cluster, p.namespace, where, p.image, privileges.String())
}

// lockKey is that of the lock that whoever launches an agent here holds, with
// whatever privileges: who needs fewer waits for it, and uses it.
func (p place) lockKey() string {
	if p.pod == nil {
		return recordKey(p.cluster, p.namespace, "targetless")
	}
	return recordKey(p.cluster, p.namespace, p.pod.UID)
}

// candidates are the recorded agents that will do. One as it would be launched
// now comes first, then those with more privileges, then those that are placed
// otherwise, to which the same network is open.
func (l *Launcher) candidates(p place) []record {
	placements := []Placement{p.placement}
	if p.pod != nil {
		placements = []Placement{p.placement, InPod, OnNode}
	}
	var out []record
	for i, placement := range placements {
		if i > 0 && placement == p.placement {
			continue
		}
		for _, privileges := range p.privileges.enough() {
			if r, ok := l.store.load(p.keyOf(placement, privileges)); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

// newRecord begins a launch at this place.
func (p place) newRecord() record {
	r := record{
		Cluster: p.cluster, Namespace: p.namespace, Image: p.image, Target: p.target.String(),
		Privileges: p.privileges.String(), Port: randomPort(), Seed: newKey().Seed(), Created: now(), State: launching,
	}
	name := "fwd-agent-" + randomSuffix()
	switch {
	case p.pod == nil:
		r.Job, r.Container = name, jobContainer
	case p.placement == OnNode:
		r.Job, r.Container, r.Namespace, r.Entered = name, jobContainer, p.jobNamespace, enter(p.pod)
	default:
		r.Pod, r.PodUID, r.Container = p.pod.Name, p.pod.UID, name
	}
	return r
}

// refusal says of an error that it may be for the privileges.
func (p place) refusal(err error) error {
	if _, ok := errors.AsType[*kube.AdmissionError](err); ok && !p.privileges.IsZero() {
		return &PrivilegesError{Privileges: p.privileges, Err: err}
	}
	return err
}

// agent is the agent of a record as seen from this place.
func (p place) agent(r record) Agent {
	a := r.agent()
	if p.pod != nil {
		a.Target = p.target.String()
		a.TargetContainer, a.Note, a.HostNetwork, a.Object = p.pod.Container, p.pod.Note, p.pod.HostNetwork, p.pod.Object
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
