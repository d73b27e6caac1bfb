package deliver

import (
	"context"

	"github.com/rs/zerolog"
)

// FollowFunc calls changed with the names of pods, at once and whenever they are
// others, until ctx ends: a fwd.Config's Replicas, or a test's own. Its error is
// of the first look.
type FollowFunc func(ctx context.Context, changed func(pods []string)) error

// PodFunc captures in one pod, until ctx ends, and calls ready once, when all of
// it is in place.
type PodFunc func(ctx context.Context, pod string, ready func()) error

// Follow runs serve for each of the pods that follow names, from when it is
// named until it is not, and returns when ctx has ended and all have. It calls
// settled, once, when each of the first pods is ready or has failed.
//
// A pod that fails is said and left alone, and the others go on, unless all of
// the first ones fail: then the first error is the error. One that is gone, or
// fails for what may pass, is tried again for as long as follow names it: of a
// StatefulSet, the next has the same name.
func Follow(ctx context.Context, log zerolog.Logger, follow FollowFunc, serve PodFunc, settled func()) error {
	running, cancel := context.WithCancelCause(ctx)
	f := &followed{
		log: log, serve: serve, settled: settled,
		ctx: running, members: make(map[string]*member), events: make(chan event),
	}
	defer f.wg.Wait()
	defer cancel(nil)
	looks := make(chan []string)
	f.wg.Go(func() {
		err := follow(running, func(pods []string) {
			select {
			case looks <- pods:
			case <-running.Done():
			}
		})
		cancel(err)
	})
	for {
		select {
		case pods := <-looks:
			f.look(pods)
		case e := <-f.events:
			f.event(e)
		case <-running.Done():
			if ctx.Err() != nil {
				return nil
			}
			return context.Cause(running)
		}
		if err := f.settle(); err != nil {
			return err
		}
	}
}
