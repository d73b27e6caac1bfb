package deliver

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/pkg/fwd"
)

// followed is the pods of a Follow. They belong to its goroutine.
type followed struct {
	log     zerolog.Logger
	serve   PodFunc
	settled func()
	ctx     context.Context // of all
	wg      sync.WaitGroup
	events  chan event

	members map[string]*member // those that are named, or still end
	begun   bool               // there was a look
	over    bool               // settled was called
	failed  []event            // not said as long as all may fail
}

// member is one pod.
type member struct {
	state  state
	named  bool
	cancel context.CancelFunc
}

type state int

const (
	starting state = iota
	captured       // it was ready
	failed         // for good; serve has returned
)

// event is what became of a pod: it is ready, or serve has returned for good.
type event struct {
	pod   string
	ready bool
	err   error
}

// look takes the names of the pods.
func (f *followed) look(pods []string) {
	for name, m := range f.members {
		if m.named = slices.Contains(pods, name); m.named {
			continue
		}
		m.cancel()
		if m.state == failed {
			delete(f.members, name)
		} else {
			f.log.Info().Msgf("pod/%s is going away", name)
		}
	}
	if f.begun && len(pods) == 0 {
		f.log.Warn().Msg("there is no pod; waiting for one")
	}
	f.begun = true
	for _, name := range pods {
		if f.members[name] == nil {
			f.start(name)
		}
	}
}

func (f *followed) start(pod string) {
	ctx, cancel := context.WithCancel(f.ctx)
	f.members[pod] = &member{named: true, cancel: cancel}
	again := f.over // it is not by the first ones that the command is judged
	f.wg.Go(func() {
		defer cancel()
		f.tell(event{pod: pod, err: f.run(ctx, pod, again)})
	})
}

func (f *followed) tell(e event) {
	select {
	case f.events <- e:
	case <-f.ctx.Done():
	}
}

// run serves a pod until ctx ends or it fails for good.
func (f *followed) run(ctx context.Context, pod string, again bool) error {
	var said complaint
	ready := sync.OnceFunc(func() { f.tell(event{pod: pod, ready: true}) })
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := f.serve(ctx, pod, func() {
			again = true
			ready()
		})
		gone := fwd.Gone(err)
		switch {
		case ctx.Err() != nil:
			return nil
		case !gone && !(again && fwd.Passing(err)):
			return err
		case !gone && said.news(err.Error()):
			f.log.Warn().Msgf("pod/%s: %v; trying again", pod, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *followed) event(e event) {
	m := f.members[e.pod]
	switch {
	case e.ready:
		m.state = captured
	case m.named && e.err == nil: // it was named again while it ended
		f.start(e.pod)
	case m.named:
		m.state = failed
		f.failed = append(f.failed, e)
	default:
		delete(f.members, e.pod)
	}
}

// settle says what has failed once not all have. The error is that all have.
func (f *followed) settle() error {
	starts, ready := 0, f.over
	for _, m := range f.members {
		if m.named && m.state == starting {
			starts++
		}
		ready = ready || m.state == captured
	}
	switch {
	case ready:
		for _, e := range f.failed {
			f.log.Error().Msgf("pod/%s: %v", e.pod, e.err)
		}
		f.failed = nil
	case starts == 0 && len(f.failed) > 0:
		return f.failed[0].err
	}
	if !f.over && ready && starts == 0 {
		f.over = true
		f.settled()
	}
	return nil
}
