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

// set sets the deadline to t, none if t is zero, and calls wake with mu held
// when it expires. Called with mu held.
func (d *deadline) set(t time.Time, mu *sync.Mutex, wake func()) {
	d.stop()
	d.expired = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.expired = true
		wake()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.timer == timer { // not replaced meanwhile
			d.expired = true
			wake()
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
