package deliver

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/pkg/fwd"
)

// Place is a pod where captures are, a *fwd.Client.
type Place interface {
	Pod() string
	Probes(port uint16) []fwd.Probe
}

// ServeFunc is Serve for one pod or many: InOne or InAll, or a test's own. ready
// is called for each route in each pod, from one goroutine at a time; settled
// once, when all that can be had at first are ready.
type ServeFunc func(ctx context.Context, log zerolog.Logger, routes []Route, ready func(Place, Route), settled func()) error

// InOne captures in the pod that client is for.
func InOne(client *fwd.Client) ServeFunc {
	return func(ctx context.Context, log zerolog.Logger, routes []Route, ready func(Place, Route), settled func()) error {
		all := countdown(len(routes), settled)
		return Serve(ctx, log, Through(client), routes, func(r Route) {
			ready(client, r)
			all()
		})
	}
}

// InAll captures in all pods of cfg's target, as they come and go: see Follow.
func InAll(cfg fwd.Config) ServeFunc {
	return func(ctx context.Context, log zerolog.Logger, routes []Route, ready func(Place, Route), settled func()) error {
		var mu sync.Mutex // held while ready runs
		return Follow(ctx, log, cfg.Replicas, func(ctx context.Context, pod string, settled func()) error {
			cfg := cfg.Replica(pod)
			cfg.Log = withoutWarnings(log)
			client, err := fwd.New(cfg)
			if err != nil {
				return err
			}
			defer client.Close()
			all := countdown(len(routes), settled)
			return serve(ctx, log, pod, Through(client), routes, func(r Route) {
				mu.Lock()
				defer mu.Unlock()
				ready(client, r)
				all()
			})
		}, settled)
	}
}

// countdown returns a function that calls done the nth time.
func countdown(n int, done func()) func() {
	var left atomic.Int64
	left.Store(int64(n))
	return func() {
		if left.Add(-1) == 0 {
			done()
		}
	}
}

// withoutWarnings is the log of a client whose pod may go for good: a session
// that is lost is nothing to warn of then, and if the pod is still there, serve
// does.
func withoutWarnings(log zerolog.Logger) zerolog.Logger {
	return log.Hook(zerolog.HookFunc(func(e *zerolog.Event, level zerolog.Level, _ string) {
		if level == zerolog.WarnLevel {
			e.Discard()
		}
	}))
}
