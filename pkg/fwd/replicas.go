package fwd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fwdtools/fwd/internal/kube"
)

// replicasPoll is how often a target's pods are looked at. Watching them would
// take a permission more.
const replicasPoll = 2 * time.Second

// Replicas calls changed with the names of the target's pods, in order: at once,
// and whenever they are others, until ctx ends; the error is ctx's then. A pod
// takes part from when it is ready until it is gone, since it may be what is
// done to it that makes it unready. There may be none at times.
//
// Other errors are of the first look, which must find a pod. Later ones are
// logged, and the pods are then those of before.
//
// Replica is the Config for one of them.
func (c Config) Replicas(ctx context.Context, changed func(pods []string)) error {
	target, err := c.target()
	if err != nil {
		return err
	}
	if target.IsZero() {
		return errors.New("replicas are a target's")
	}
	cluster, err := kube.New(c.kubeConfig())
	if err != nil {
		return err
	}
	if _, err := cluster.FindPod(ctx, target, nil); err != nil {
		return err
	}
	f := follower{log: func(err error) { c.Log.Warn().Msgf("look for pods of %v: %v", target, err) }}
	tick := time.NewTicker(replicasPoll)
	defer tick.Stop()
	for {
		now, err := cluster.Replicas(ctx, target)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if pods, news := f.look(now, err); news {
			changed(pods)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Replica is c for one of the pods that Replicas names.
func (c Config) Replica(pod string) Config {
	if target, err := c.target(); err == nil {
		c.Container = target.Container
	}
	c.Target = kube.KindPod.Name + "/" + pod
	return c
}

// follower knows which pods take part.
type follower struct {
	log    func(error)
	failed string          // the last look did, with this
	uids   map[string]bool // of those that take part
	names  []string
}

// look takes in what a look at the pods gave, and returns the names of those
// that take part and whether they are others than before.
func (f *follower) look(replicas []kube.Replica, err error) (names []string, news bool) {
	if err != nil {
		if f.failed != err.Error() {
			f.log(err)
			f.failed = err.Error()
		}
		return f.names, false
	}
	f.failed = ""
	uids := make(map[string]bool)
	for _, r := range replicas {
		if r.Ready || f.uids[r.UID] {
			uids[r.UID] = true
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	news = f.uids == nil || !slices.Equal(names, f.names)
	f.uids, f.names = uids, names
	return slices.Clone(names), news
}
