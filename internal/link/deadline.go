package link

import (
	"sync"
	"time"
)

// deadline is a moment that can be moved and waited for in a select, as in
// net.Pipe. Its zero value is not usable.
type deadline struct {
	mu      sync.Mutex
	timer   *time.Timer   // guarded by mu
	passedc chan struct{} // guarded by mu; closed when the moment has come
}

func newDeadline() *deadline { return &deadline{passedc: make(chan struct{})} }

// set moves the deadline, also for those who wait already; the zero time takes
// it away.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passedc // the timer is closing it right now
	}
	d.timer = nil

	wait := time.Until(t)
	passed := isClosed(d.passedc)
	switch {
	case t.IsZero() || wait > 0:
		if passed {
			d.passedc = make(chan struct{})
		}
	case !passed:
		close(d.passedc)
	}
	if !t.IsZero() && wait > 0 {
		passedc := d.passedc
		d.timer = time.AfterFunc(wait, func() { close(passedc) })
	}
}

// passed is closed when the deadline has come.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passedc
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
