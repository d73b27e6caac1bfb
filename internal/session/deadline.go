package session

import (
	"sync"
	"time"
)

// deadline is one deadline of a stream. All of it is guarded by Session.mu.
type deadline struct {
	timer   *time.Timer
	expired bool
}

// set sets the deadline to t, none if t is zero, and wakes waiters on cond
// when it expires. Called with mu held, which is cond's lock.
func (d *deadline) set(t time.Time, cond *sync.Cond) {
	d.stop()
	d.expired = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		cond.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		cond.L.Lock()
		defer cond.L.Unlock()
		if d.timer == timer { // not replaced meanwhile
			d.expired = true
			cond.Broadcast()
		}
	})
	d.timer = timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
