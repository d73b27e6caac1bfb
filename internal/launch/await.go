package launch

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// Between looks at the pod: often while most starts happen, then seldom.
const minPoll, maxPoll = 50 * time.Millisecond, 250 * time.Millisecond

// patience is how long to wait for what may come right by itself.
type patience struct {
	unschedulable time.Duration // the scheduler takes it back when another pod leaves
	noPod         time.Duration // a Job has no pod: then we ask why
	noStatus      time.Duration // nor has the node said anything of a container
	giveUpNoPod   time.Duration // and then, if nobody says why
	recorded      time.Duration // an agent that answered before does not answer
	answer        time.Duration // one attempt to connect
}

var defaultPatience = patience{
	unschedulable: 2 * time.Second,
	noPod:         2 * time.Second,
	noStatus:      time.Second,
	giveUpNoPod:   10 * time.Second,
	recorded:      3 * time.Second,
	answer:        connectTimeout,
}

// await waits until the agent of r answers, or cannot any more, or limit has
// passed. Then its record says running. It returns errGone when the container
// never came into the pod.
func (l *Launcher) await(ctx context.Context, p place, r record, connect Connect, limit time.Duration) (Agent, error) {
	w := &waiter{l: l, p: p, r: r, connect: connect, begin: time.Now()}
	pause := minPoll
	for {
		done, err := w.step(ctx)
		switch {
		case err != nil:
			return Agent{}, err
		case done:
			return p.agent(w.r), nil
		case time.Since(w.begin) > limit:
			return Agent{}, w.timeout(limit)
		}
		if err := sleep(ctx, pause); err != nil {
			return Agent{}, err
		}
		pause = min(pause*5/4, maxPoll)
	}
}

// waiter is the state of await.
type waiter struct {
	l       *Launcher
	p       place
	r       record
	connect Connect
	begin   time.Time

	seen    string    // the state last seen, for people
	failure error     // of the last attempt to connect
	asked   bool      // for events, in vain
	looked  time.Time // at the pod's events
}

// step looks at the pod and, where that may succeed, connects.
func (w *waiter) step(ctx context.Context) (done bool, err error) {
	pod, err := w.l.look(ctx, w.r)
	switch {
	case isNotFound(err):
		return false, w.error(ReasonPodGone, "the pod was deleted")
	case err != nil:
		return false, err
	case pod == nil:
		return false, w.noPod(ctx)
	case !hasContainer(pod, w.r):
		return false, errGone
	}
	w.r.Pod, w.r.PodUID = pod.Name, string(pod.UID)
	s := inspect(pod, w.r)
	w.seen = s.seen
	if err := w.trouble(pod, s); err != nil {
		return false, err
	}
	// A node reports that a container runs up to a second late, so the agent is
	// asked before: where it does not listen yet, that is refused quickly.
	if pod.Spec.NodeName == "" {
		return false, nil
	}
	err = w.l.try(ctx, w.p, w.r, w.connect)
	if err == nil {
		w.r.State = running
		return true, w.l.store.save(w.r)
	}
	w.failure = err
	if err := final(ctx, err); err != nil {
		return false, err
	}
	return false, w.noStatus(ctx)
}

// trouble returns what makes further waiting useless.
func (w *waiter) trouble(pod *corev1.Pod, s status) error {
	switch {
	case s.ended != nil:
		return w.error(ReasonExited, endText(s.ended))
	case s.stuck != "":
		return w.error(s.reason, s.stuck)
	case pod.DeletionTimestamp != nil:
		return w.error(ReasonPodGone, "the pod is being deleted")
	case pod.Status.Phase == corev1.PodFailed, pod.Status.Phase == corev1.PodSucceeded:
		return w.error(ReasonPodGone, "the pod has ended: "+kube.PodState(pod))
	case s.unschedulable != "" && time.Since(w.begin) > w.l.patience.unschedulable:
		return w.error(ReasonUnschedulable, s.unschedulable)
	}
	return nil
}

// noStatus finds out why a container of somebody's pod has not started. The node
// writes it into the pod's status only when it comes by the next time, in 10
// to 15 s, but into an event at once; where the Role does not allow to read
// those, we wait for the status.
func (w *waiter) noStatus(ctx context.Context) error {
	if w.r.Job != "" || w.asked || time.Since(w.begin) < w.l.patience.noStatus || time.Since(w.looked) < eventPoll {
		return nil
	}
	w.looked = time.Now()
	events, err := w.l.cluster.In(w.r.Namespace).Events(ctx, "Pod", w.r.Pod)
	w.asked = err != nil
	for _, e := range events {
		if e.InvolvedObject.FieldPath != "spec.ephemeralContainers{"+w.r.Container+"}" {
			continue
		}
		if reason := eventReason(e); reason != "" {
			return w.error(reason, e.Message)
		}
	}
	return nil
}

// eventPoll is how long to wait between two looks at a pod's events.
const eventPoll = time.Second

// noPod finds out why a Job has no pod yet. Its events tell; where the Role
// does not allow to read them, only time does.
func (w *waiter) noPod(ctx context.Context) error {
	w.seen = "the job has made no pod"
	waited := time.Since(w.begin)
	if waited > w.l.patience.noPod && !w.asked {
		events, err := w.l.cluster.In(w.r.Namespace).Events(ctx, "Job", w.r.Job)
		w.asked = err != nil
		for _, e := range events {
			if e.Reason == "FailedCreate" {
				return w.error(ReasonNoPod, e.Message)
			}
		}
	}
	if waited > w.l.patience.giveUpNoPod {
		return w.error(ReasonNoPod, "the job makes no pod, kubectl -n "+w.r.Namespace+" get events says why")
	}
	return nil
}

func (w *waiter) timeout(limit time.Duration) error {
	e := w.error(ReasonTimeout, fmt.Sprintf("no answer within %v", limit))
	if w.seen != "" {
		e.Detail += ", last seen: " + w.seen
	}
	e.Err = w.failure
	return e
}

func (w *waiter) error(reason Reason, detail string) *Error {
	return &Error{
		Reason: reason, Detail: detail, OnNode: w.r.Entered != nil,
		Namespace: w.r.Namespace, Pod: w.r.Pod, Container: w.r.Container, Job: w.r.Job, Image: w.r.Image,
	}
}

// sleep waits, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
