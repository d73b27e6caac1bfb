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

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

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
	if p.pod == nil {
		l.log.Info().Str("job", r.Job).Str("namespace", r.Namespace).Msg("launching an agent")
		err = l.createJob(ctx, r)
	} else {
		l.log.Info().Str("pod", r.Pod).Str("container", r.Container).Msg("launching an agent")
		err = l.addContainer(ctx, p.pod.Object, r)
	}
	switch {
	case err != nil && kube.Refused(err) && !unreachable(err):
		l.store.drop(r)
		return Agent{}, err
	case err != nil:
		return Agent{}, l.undo(ctx, r, err) // it may have arrived all the same
	}

	// While the container starts there is time to tidy up.
	var tidying sync.WaitGroup
	defer tidying.Wait()
	tidying.Go(func() { l.forgetGone(ctx, r) })

	a, err := l.await(ctx, p, r, connect, l.cfg.StartTimeout)
	if err != nil {
		return Agent{}, l.undo(ctx, r, err)
	}
	a.Launched = true
	return a, nil
}

// resume uses the agent of a record, waiting for it if its launch was broken
// off. It returns errGone when a new one is needed.
func (l *Launcher) resume(ctx context.Context, p place, r record, connect Connect) (Agent, error) {
	limit := l.cfg.StartTimeout
	if r.State == running {
		// It answered before: what does not answer soon is gone, though the
		// cluster may not have noticed yet.
		limit = resumeTimeout
	}
	a, err := l.await(ctx, p, r, connect, limit)
	timeout, ok := errors.AsType[*Error](err)
	switch {
	case ok && r.State == running:
		return Agent{}, errGone
	case ok && (timeout.Reason == ReasonExited || timeout.Reason == ReasonPodGone):
		return Agent{}, errGone
	case err != nil && err != errGone && r.State == launching:
		return Agent{}, l.undo(ctx, r, err)
	}
	return a, err
}

const resumeTimeout = 3 * time.Second

// errGone is an agent that has ended, or never was.
var errGone = errors.New("the agent has ended")

// knock asks for the way to an agent that is not there yet, since an ephemeral
// container cannot be taken back once it turns out that we may not talk to it.
// Where the agent will be nobody listens, so an error is expected and only its
// kind tells.
func (l *Launcher) knock(ctx context.Context, p place, r record, connect Connect) error {
	if p.pod == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, resumeTimeout)
	defer cancel()
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
	ctx, cancel := context.WithTimeout(ctx, cleanupTimeout)
	defer cancel()
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
