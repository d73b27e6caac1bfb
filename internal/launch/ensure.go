package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fwdtools/fwd/internal/kube"
)

// lockPoll is how often to look whether another process is done.
const lockPoll = 25 * time.Millisecond

// connectTimeout bounds one call of a connect function.
const connectTimeout = 10 * time.Second

// errSilent is an agent that took all of that time.
var errSilent = fmt.Errorf("no answer within %v", connectTimeout)

// Connect opens a session on an agent and keeps it. It returns soon, and nil
// once for the agent that Ensure returns. An error for another reason than its
// context's end, or one marked Permanent, means that the agent is not there, or
// not ours.
type Connect func(ctx context.Context, a Agent) error

// Ensure connects to an agent for the target, in the namespace of the Cluster:
// one that an earlier command recorded, else a new one. However many processes
// call it at once, one agent is launched.
//
// Errors are internal/kube's for what the cluster refuses, *Error for an agent
// that does not start, connect's own where they are Permanent, and ctx's. A Job
// that was made for nothing is deleted again, also when ctx ends. An ephemeral
// container cannot be, so one that still waits (for its image, say) stays
// recorded, and the next call takes it up instead of adding another.
func (l *Launcher) Ensure(ctx context.Context, target kube.Target, connect Connect) (Agent, error) {
	p, err := l.place(ctx, target)
	if err != nil {
		return Agent{}, err
	}
	lock, err := l.store.lock(p.lockKey())
	if err != nil {
		return Agent{}, err
	}
	defer lock.Close()

	tried := map[string]bool{} // by name: who did not answer; true if it took its time for that
	for {
		for _, r := range l.candidates(p) {
			name := r.agent().Name()
			if _, again := tried[name]; again || r.State != running {
				continue
			}
			err := l.try(ctx, p, r, connect)
			if err == nil {
				return p.agent(r), nil
			}
			if err := final(ctx, err); err != nil {
				return Agent{}, err
			}
			l.log.Debug().Err(err).Str("agent", name).Msg("the recorded agent does not answer")
			tried[name] = errors.Is(err, errSilent)
		}
		// Whoever holds the lock is launching an agent. Its record appears before
		// the lock is free, and all who wait for it connect at once.
		locked, err := lock.TryLock()
		if err != nil {
			return Agent{}, fmt.Errorf("lock the agent's record: %w", err)
		}
		if locked {
			return l.ensureLocked(ctx, p, connect, tried)
		}
		if err := sleep(ctx, lockPoll); err != nil {
			return Agent{}, err
		}
	}
}

// ensureLocked is Ensure with the lock held. A record that is there now may be
// of a launch that was broken off: if it is another one than would be made now,
// whoever needs it takes it over. Who was silent is not asked again.
func (l *Launcher) ensureLocked(ctx context.Context, p place, connect Connect, silent map[string]bool) (Agent, error) {
	for _, r := range l.candidates(p) {
		if r.State == launching && r.key() != p.key() {
			continue
		}
		if !silent[r.agent().Name()] {
			a, err := l.resume(ctx, p, r, connect)
			if err != errGone {
				return a, err
			}
		}
		l.store.drop(r)
	}
	a, err := l.launch(ctx, p, connect)
	if portTaken(err) {
		// One of some four thousand ports was somebody's: another will not be.
		a, err = l.launch(ctx, p, connect)
	}
	return a, err
}

// try connects once.
func (l *Launcher) try(ctx context.Context, p place, r record, connect Connect) error {
	bounded, cancel := context.WithTimeout(ctx, l.patience.answer)
	defer cancel()
	err := connect(bounded, p.agent(r))
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return errSilent
	}
	return err
}

// final returns the error to end with when connect failed with err, or nil if
// another attempt may end otherwise: ctx has not ended, the cluster lets us
// through, and connect does not say that it is Permanent.
func final(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case isPermanent(err), barred(err):
		return err
	}
	return nil
}
