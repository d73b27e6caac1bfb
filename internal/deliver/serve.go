package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

const (
	firstPause = time.Second      // after a session was lost; it doubles
	lastPause  = 10 * time.Second // and grows no further
	staleTime  = 20 * time.Second // until an agent has noticed that a session of ours is lost, and more
	drainTime  = 5 * time.Second  // for connections that are under way at the end
)

// Serve captures what routes say and answers it, until ctx ends: then the pod
// answers again, and connections that are under way have five seconds to end.
// A capture whose session is lost is made again. ready is called, from one
// goroutine at a time, when a route's capture is in place for the first time. The
// error is of a capture that cannot be made, or of a route's only connection; it
// ends the other routes, too. There is none if it was ctx that ended.
func Serve(ctx context.Context, log zerolog.Logger, listen ListenFunc, routes []Route, ready func(Route)) error {
	return serve(ctx, log, "", listen, routes, ready)
}

// serve is Serve. A pod that has a name may go for good: who it is is said with
// the routes, and of a lost session nothing until the pod turns out to be there.
func serve(ctx context.Context, log zerolog.Logger, pod string, listen ListenFunc, routes []Route, ready func(Route)) error {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg      sync.WaitGroup
		readyMu sync.Mutex
	)
	for _, r := range routes {
		s := &server{Route: r, pod: pod, log: log, listen: listen, ready: func() {
			readyMu.Lock()
			defer readyMu.Unlock()
			ready(r)
		}}
		if _, runs := r.To.(Command); runs {
			s.slots = make(slots, maxCommands)
		}
		wg.Go(func() {
			if err := s.serve(running); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(running)
}

// server serves one route.
type server struct {
	Route
	pod      string // "" when it is the only one
	log      zerolog.Logger
	listen   ListenFunc
	ready    func()
	slots    slots     // nil when there may be any number of connections
	outages  complaint // of the capture
	warnings complaint // of the agent
	failures complaint // of the destination
	losses   losses    // of copies
}

// String is what is said of the route.
func (s *server) String() string {
	if s.pod == "" {
		return s.Route.String()
	}
	return "pod/" + s.pod + ":" + s.Route.String()
}

// serve makes captures, one after the other as sessions come and go.
func (s *server) serve(ctx context.Context) error {
	defer func() { s.losses.rest(s.log, s) }()
	var lost time.Time // when the last session was; zero before the first capture
	pause := firstPause
	for {
		ln, err := s.listen(ctx, fwd.ListenConfig{Port: s.Port, Mode: s.Mode, Settings: s.Settings, Note: s.noted})
		quiet := err == nil && s.pod != "" // when its session is lost, the pod may be gone
		switch {
		case err == nil:
			if lost.IsZero() {
				s.ready()
			} else {
				s.outages.over()
				s.log.Info().Msgf("%v: in place again", s)
			}
			pause = firstPause
			var over bool
			if over, err = s.accept(ctx, ln); over {
				return err
			}
			lost = time.Now()
		case ctx.Err() != nil:
			return nil
		case lost.IsZero(), !s.passing(err, lost):
			return err
		}
		if !quiet && s.outages.news(err.Error()) {
			s.log.Warn().Msgf("%v: %v; trying again", s, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

// passing tells that it makes sense to make a capture again.
func (s *server) passing(err error, lost time.Time) bool {
	if fwd.Held(err) { // by the session that was lost, until the agent notices
		return time.Since(lost) < staleTime
	}
	return fwd.Passing(err)
}

// noted gets what the agent says.
func (s *server) noted(n wire.Note) {
	if n.Warning != "" && s.warnings.news(n.Warning) {
		s.log.Warn().Msgf("%v: %s", s, n.Warning)
	}
	s.losses.count(s.log, s, n)
}
