package launch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/fwdtools/fwd/internal/kube"
)

// cleanupTimeout bounds undoing a launch whose context has ended.
const cleanupTimeout = 5 * time.Second

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// launch starts a new agent at p and connects to it. The lock is held.
func (l *Launcher) launch(ctx context.Context, p place, connect Connect) (Agent, error) {
	r := p.newRecord()
	if err := l.knock(ctx, p, r, connect); err != nil {
		return Agent{}, err
	}
	// The record comes first: whatever kills us, the next command finds what it
	// needs to take over.
	if err := l.store.save(r); err != nil {
		return Agent{}, err
	}
	var err error
	switch {
	case r.Entered != nil:
		l.log.Info().Str("pod", r.Entered.Pod).Str("job", r.Job).Str("namespace", r.Namespace).Str("node", r.Entered.Node).
			Msg("launching an agent")
		err = l.createJob(ctx, r)
	case r.Job != "":
		l.log.Info().Str("job", r.Job).Str("namespace", r.Namespace).Msg("launching an agent")
		err = l.createJob(ctx, r)
	default:
		l.log.Info().Str("pod", r.Pod).Str("container", r.Container).Msg("launching an agent")
		err = p.refusal(l.addContainer(ctx, p.pod.Object, r))
	}
	switch {
	case err != nil && kube.Refused(err) && (!unreachable(err) || unsent(err)):
		l.store.drop(r)
		return Agent{}, err
	case err != nil:
		return Agent{}, l.undo(ctx, r, err) // it may have arrived all the same
	}

	// While the container starts there is time to tidy up.
	tidyCtx, stop := context.WithCancel(ctx)
	var tidying sync.WaitGroup
	tidying.Go(func() { l.forgetGone(tidyCtx, r) })
	defer tidying.Wait()
	defer stop()

	a, err := l.await(ctx, p, r, connect, l.cfg.StartTimeout)
	if err != nil {
		return Agent{}, l.undo(ctx, r, err)
	}
	a.Launched = true
	return a, nil
}

// resume uses the agent of a record: it waits for one whose launch was broken
// off, and makes sure of one that answered before and does not now. It returns
// errGone when a new one is needed.
func (l *Launcher) resume(ctx context.Context, p place, r record, connect Connect) (Agent, error) {
	limit := l.cfg.StartTimeout
	if r.State == running {
		limit = l.patience.recorded
	}
	a, err := l.await(ctx, p, r, connect, limit)
	failed, ok := errors.AsType[*Error](err)
	switch {
	case err == nil, err == errGone:
		return a, err
	case ok && (failed.Reason == ReasonExited || failed.Reason == ReasonPodGone):
		return Agent{}, errGone
	case ok && failed.Reason == ReasonNoPod:
		// Perhaps there is no such Job: whoever was to create it was killed.
		l.undo(ctx, r, err)
		return Agent{}, errGone
	case r.State == launching:
		return Agent{}, l.undo(ctx, r, err)
	case ok && kube.Refused(failed.Err):
		// It was never asked: the node does not let anyone through now, and a
		// second agent there would be as far away as the first.
		return Agent{}, failed.Err
	case ok:
		return Agent{}, errGone
	}
	return Agent{}, err
}

// errGone is an agent that has ended, or never was.
var errGone = errors.New("the agent has ended")

// knock makes sure that we may do what comes after the container was added,
// since it cannot be taken back then: look at the pod, and talk to its ports.
// Where the agent will be nobody listens yet, so connecting fails and only the
// kind of error tells.
func (l *Launcher) knock(ctx context.Context, p place, r record, connect Connect) error {
	if p.pod == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience.recorded)
	defer cancel()
	if _, err := l.look(ctx, r); err != nil {
		return err
	}
	if err := connect(ctx, p.agent(r)); barred(err) {
		return err
	}
	return nil
}

// undo takes back what can be, after err, and returns err with a word on what
// cannot.
func (l *Launcher) undo(ctx context.Context, r record, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()

	var left string
	switch {
	case r.Job != "":
		if err := l.deleteJob(ctx, r); err != nil {
			left = "job " + r.Job + " is left in namespace " + r.Namespace + ", deleting it failed: " + err.Error()
			l.log.Warn().Err(err).Str("job", r.Job).Msg("a job is left behind")
			break
		}
		l.store.drop(r)
	case l.waits(ctx, r):
		// The record stays, for the next command to use what it can.
		left = "container " + r.Container + " stays listed in the pod, and is used if it starts after all"
	default:
		l.store.drop(r)
		left = "container " + r.Container + " has ended and stays listed in the pod"
	}
	if e, ok := errors.AsType[*Error](err); ok {
		e.Left = left
	}
	return err
}

// waits reports whether the container of r is in the pod and has not ended, as
// far as can be found out.
func (l *Launcher) waits(ctx context.Context, r record) bool {
	pod, err := l.look(ctx, r)
	if err != nil {
		return !isNotFound(err)
	}
	return hasContainer(pod, r) && inspect(pod, r).ended == nil
}

// forgetGone drops records whose pod no longer exists.
func (l *Launcher) forgetGone(ctx context.Context, except record) {
	for _, r := range l.store.all() {
		if r.Cluster != except.Cluster || r.Namespace != except.Namespace || r.Job != "" || r.sameAgent(except) {
			continue
		}
		if _, err := l.look(ctx, r); isNotFound(err) {
			l.store.drop(r)
		}
	}
}

// portTaken reports whether an agent ended because its port was in use. The
// agent is ours and has only its termination message to say so; the text is
// that of EADDRINUSE.
func portTaken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Reason == ReasonExited && strings.Contains(e.Detail, "address already in use")
}
