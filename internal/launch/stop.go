package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// Stop ends an agent of List. A Job is deleted. In somebody's pod only the
// agent itself can end, so ask asks it to, in a session, and returns when it
// has agreed; one that still waits to start is forgotten, and ends for lack of
// clients if it ever does. An agent that is gone already is fine.
func (l *Launcher) Stop(ctx context.Context, a Agent, ask func(ctx context.Context, a Agent) error) error {
	all := l.store.all()
	i := slices.IndexFunc(all, func(r record) bool {
		return r.Cluster == l.cluster.ID() && r.agent().Namespace == a.Namespace && r.agent().Name() == a.Name()
	})
	if i < 0 {
		return nil
	}
	r := all[i]
	lock, err := l.store.lock(r.lockKey())
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("lock the agent's record: %w", err)
	}

	if r.Job != "" {
		err = l.deleteJob(ctx, r)
	} else if l.waits(ctx, r) {
		asking, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		err = ask(asking, r.agent())
		if errors.Is(err, syscall.ECONNREFUSED) && l.runs(ctx, r) {
			err = nil // it ended, the node has not noticed
		}
		if err != nil && ctx.Err() == nil && !barred(err) && !l.runs(ctx, r) {
			l.log.Warn().Str("pod", r.Pod).Str("container", r.Container).
				Msg("it never started and stays listed in the pod; should it start, it ends when idle")
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("stop agent %s: %w", a.Name(), err)
	}
	l.store.drop(r)
	return nil
}

// runs reports whether the container of r runs, as far as can be found out.
func (l *Launcher) runs(ctx context.Context, r record) bool {
	pod, err := l.look(ctx, r)
	return err != nil || inspect(pod, r).running
}
