package launch

import (
	"cmp"
	"context"
	"slices"
)

// Info is an agent in a list.
type Info struct {
	Agent
	Alive bool   // its container runs, as far as the cluster knows
	State string // in a word or two: "running", "ImagePullBackOff"
}

// List returns the agents that were launched from here into this cluster, in
// any namespace, oldest first. Records of agents that are gone are dropped.
// Those that cannot be asked about are listed as not alive.
func (l *Launcher) List(ctx context.Context) ([]Info, error) {
	var out []Info
	for _, r := range l.store.all() {
		if r.Cluster != l.cluster.ID() {
			continue
		}
		info := Info{Agent: r.agent()}
		pod, err := l.look(ctx, r)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case isNotFound(err):
			l.store.drop(r)
			continue
		case err != nil:
			info.State = err.Error()
		case pod == nil:
			info.State = "no pod"
		case !hasContainer(pod, r), inspect(pod, r).ended != nil:
			l.store.drop(r)
			continue
		default:
			s := inspect(pod, r)
			info.Alive, info.State = s.running, s.seen
		}
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b Info) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name(), b.Name()))
	})
	return out, nil
}
