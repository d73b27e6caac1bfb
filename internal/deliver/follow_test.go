package deliver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// replicas are the pods of a test.
type replicas struct {
	looks   chan []string
	refusal error // of the first look
	log     log

	mu      sync.Mutex
	ends    map[string]error         // guarded by mu; how it is going to be with a pod: nil is ready
	slow    map[string]time.Duration // guarded by mu; what a pod takes to end
	served  map[string]int           // guarded by mu; how many serve it
	starts  []string                 // guarded by mu
	settles int                      // guarded by mu
}

func newReplicas() *replicas {
	return &replicas{looks: make(chan []string), ends: make(map[string]error), slow: make(map[string]time.Duration), served: make(map[string]int)}
}

func (r *replicas) follow(ctx context.Context, changed func([]string)) error {
	for {
		if r.refusal != nil {
			return r.refusal
		}
		select {
		case pods := <-r.looks:
			changed(pods)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *replicas) pod(ctx context.Context, pod string, ready func()) error {
	r.mu.Lock()
	r.starts = append(r.starts, pod)
	end, slow := r.ends[pod], r.slow[pod]
	if end == nil {
		r.served[pod]++
	}
	r.mu.Unlock()
	if end != nil {
		return end
	}
	ready()
	<-ctx.Done()
	time.Sleep(slow)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.served[pod]--
	return nil
}

// will sets how it is going to be with a pod.
func (r *replicas) will(pod string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[pod] = err
}

// are waits for things to calm down, and returns which pods are served.
func (r *replicas) are() (pods []string) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for pod, n := range r.served {
		for range n {
			pods = append(pods, pod)
		}
	}
	slices.Sort(pods)
	return pods
}

// started is which pods were served, in order.
func (r *replicas) started() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.starts)
}

// begin follows replicas in a bubble.
func (r *replicas) begin() (stop func(), errc chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	errc = make(chan error, 1)
	go func() {
		errc <- Follow(ctx, zerolog.New(&r.log), r.follow, r.pod, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.settles++
		})
	}()
	return cancel, errc
}

func (r *replicas) settled() int {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settles
}

var (
	gone        error = &kube.NotFoundError{Kind: "pod", Name: "a"}
	unreachable error = &kube.UnreachableError{}
)

func TestFollowServesThePodsThatThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		stop, errc := r.begin()
		r.looks <- []string{"a", "b"}
		assert.Equal(t, []string{"a", "b"}, r.are())
		assert.Equal(t, 1, r.settled())
		r.looks <- []string{"b", "c"}
		assert.Equal(t, []string{"b", "c"}, r.are())
		r.looks <- nil
		assert.Empty(t, r.are())
		assert.Contains(t, r.log.String(), "there is no pod; waiting for one")
		r.looks <- []string{"d"}
		assert.Equal(t, []string{"d"}, r.are())
		stop()
		assert.NoError(t, <-errc)
		assert.Empty(t, r.are())
		assert.Equal(t, 1, r.settled())
		assert.NotContains(t, r.log.String(), `"error"`)
	})
}

// All are undone at once, and Follow returns when all are.
func TestFollowEndsAllTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		pods := []string{"a", "b", "c", "d"}
		for _, pod := range pods {
			r.slow[pod] = drainTime
		}
		stop, errc := r.begin()
		r.looks <- pods
		assert.Equal(t, pods, r.are())
		began := time.Now()
		stop()
		assert.NoError(t, <-errc)
		assert.Empty(t, r.are())
		assert.Equal(t, drainTime, time.Since(began))
	})
}

func TestFollowGoesOnWithoutAPodThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		r.will("a", held)
		r.will("c", no)
		stop, errc := r.begin()
		r.looks <- []string{"a", "b"}
		assert.Equal(t, []string{"b"}, r.are())
		assert.Equal(t, 1, r.settled())
		r.looks <- []string{"a", "b", "c"}
		assert.Equal(t, []string{"b"}, r.are())
		assert.Contains(t, r.log.String(), "pod/a: held by anna")
		assert.Contains(t, r.log.String(), "pod/c: steal port 80: ")
		r.looks <- []string{"a"} // the last one that was captured has gone
		time.Sleep(time.Hour)
		r.will("a", nil)
		r.looks <- nil
		r.looks <- []string{"a"} // another one of that name
		assert.Equal(t, []string{"a"}, r.are())
		stop()
		assert.NoError(t, <-errc)
		assert.Equal(t, 2, strings.Count(r.log.String(), `"level":"error"`))
	})
}

func TestFollowEndsWhenAllOfTheFirstFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		r.will("a", no)
		r.will("b", no)
		_, errc := r.begin()
		r.looks <- []string{"a", "b"}
		assert.Equal(t, no, <-errc)
		assert.Zero(t, r.settled())
		assert.Empty(t, r.log.String(), "the caller says it, once")
	})
}

func TestFollowEndsWithTheFirstLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		r.refusal = errors.New("no such target")
		_, errc := r.begin()
		assert.Equal(t, r.refusal, <-errc)
	})
}

// One that is gone is no failure, and the next may have its name.
func TestFollowIsQuietAboutPodsThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		r.will("a", gone)
		stop, errc := r.begin()
		r.looks <- []string{"a", "b"}
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"b"}, r.are())
		assert.Zero(t, r.settled())
		assert.Empty(t, r.log.String())
		r.will("a", nil)
		time.Sleep(lastPause)
		assert.Equal(t, []string{"a", "b"}, r.are())
		assert.Equal(t, 1, r.settled())
		stop()
		assert.NoError(t, <-errc)
	})
}

// What may pass fails the first ones, as it does with one pod, and not the
// later ones.
func TestFollowTriesLaterPodsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		r.will("a", unreachable)
		_, errc := r.begin()
		r.looks <- []string{"a"}
		assert.Equal(t, unreachable, <-errc)

		r = newReplicas()
		r.will("b", unreachable)
		stop, errc := r.begin()
		r.looks <- []string{"a"}
		assert.Equal(t, []string{"a"}, r.are())
		r.looks <- []string{"a", "b"}
		time.Sleep(time.Minute)
		assert.Equal(t, 1, strings.Count(r.log.String(), "trying again"))
		r.will("b", nil)
		time.Sleep(lastPause)
		assert.Equal(t, []string{"a", "b"}, r.are())
		stop()
		assert.NoError(t, <-errc)
	})
}

// One that is named again while it ends is served again, after that.
func TestFollowServesAPodThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		r.slow["a"] = drainTime
		stop, errc := r.begin()
		r.looks <- []string{"a"}
		r.looks <- nil
		r.looks <- []string{"a"}
		assert.Equal(t, []string{"a"}, r.are(), "still the first")
		assert.Equal(t, []string{"a"}, r.started())
		time.Sleep(drainTime + 1)
		assert.Equal(t, []string{"a"}, r.are())
		assert.Equal(t, []string{"a", "a"}, r.started())
		stop()
		assert.NoError(t, <-errc)
	})
}

// A session of a pod that may be gone is lost without a word.
func TestServeOfOneOfManyIsQuietAboutItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPod(t)
		errc, readyc := make(chan error, 1), make(chan bool, 1)
		go func() {
			errc <- serve(context.Background(), zerolog.New(&p.log), "a", p.listen, []Route{steal(pipe(nil))}, func(Route) { readyc <- true })
		}()
		<-readyc
		p.refuse(lost)
		p.capture(0).end(lost.Err)
		synctest.Wait()
		assert.Empty(t, p.log.String())
		time.Sleep(firstPause)
		synctest.Wait()
		assert.Contains(t, p.log.String(), "pod/a:80 -> pipe: steal port 80: session ended; trying again")
		p.refuse(gone)
		assert.Equal(t, gone, <-errc)
	})
}

func TestWithoutWarnings(t *testing.T) {
	var l log
	quiet := withoutWarnings(zerolog.New(&l))
	quiet.Warn().Msg("lost")
	quiet.Info().Msg("launching")
	quiet.Error().Msg("broken")
	assert.NotContains(t, l.String(), "lost")
	assert.Contains(t, l.String(), "launching")
	assert.Contains(t, l.String(), "broken")
}

var _ Place = (*fwd.Client)(nil)
