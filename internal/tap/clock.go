//go:build linux

package tap

import (
	"container/list"
	"maps"
	"net/netip"
	"syscall"
	"time"
)

// How long to wait. What the tap itself has missed does not come again; what
// the network has lost does, after the caller's retransmission timeout, which
// doubles each time.
const (
	patience     = time.Minute // for bytes that are missing
	dropPatience = time.Second // the same, when the kernel had no room
	dropMemory   = time.Minute // so long it may have been that

	// The kernel is asked whether connections are still there: the caller may
	// have vanished, or its last packets may have been dropped.
	sweepEvery = time.Minute
	sweepDrop  = 2 * time.Second
)

// turn is called with the time, and the packets that were dropped since.
func (t *flows) turn(now time.Time, dropped uint64) {
	t.now = now
	if dropped > 0 {
		t.drop(dropped)
	}
	wait := patience
	if t.dropping() {
		wait = dropPatience
	}
	for f := range t.gaps {
		if now.Sub(f.since) > wait {
			f.lose()
			t.forget(f)
		}
	}
	if !now.Before(t.sweepAt) {
		t.sweep()
	}
}

func (t *flows) drop(n uint64) {
	t.stats.Dropped += n
	t.dropped = t.now
	if at := t.now.Add(sweepDrop); at.Before(t.sweepAt) {
		t.sweepAt = at
	}
}

// dropping says that what is missing may be missing because of the tap.
func (t *flows) dropping() bool {
	return !t.dropped.IsZero() && t.now.Sub(t.dropped) < dropMemory
}

// check takes note whether something is missing of a flow.
func (t *flows) check(f *flow) {
	switch {
	case !before(f.next, f.ahead):
		delete(t.gaps, f)
		f.since = time.Time{}
	case f.since.IsZero():
		f.since = t.now
		t.gaps[f] = struct{}{}
	}
}

// sweep ends flows that the kernel has no connection of any more.
func (t *flows) sweep() {
	idle := sweepEvery
	t.sweepAt = t.now.Add(sweepEvery)
	if t.dropping() {
		idle = sweepDrop / 2
		t.sweepAt = t.now.Add(sweepDrop)
	}
	for _, f := range t.idle(&t.opening, sweepEvery) {
		t.end(f, nil)
	}
	idlers := t.idle(&t.open, idle)
	if len(idlers)+len(t.old)+len(t.lost) == 0 {
		return
	}
	peers, err := t.peers.list()
	if err != nil {
		return // what is not known to be gone may stay
	}
	maps.DeleteFunc(t.old, func(caller netip.AddrPort, _ *watch) bool { return !peers[caller] })
	maps.DeleteFunc(t.lost, func(caller netip.AddrPort, _ struct{}) bool { return !peers[caller] })
	for _, f := range idlers {
		switch {
		case peers[f.Caller]:
		case before(f.next, f.ahead), t.dropped.After(f.seen.Add(-dropMemory)):
			f.lose()
			t.forget(f)
		default:
			t.end(f, syscall.ECONNRESET)
		}
	}
}

// idle returns the flows of a list whose callers have said nothing for so long.
func (t *flows) idle(l *list.List, d time.Duration) []*flow {
	var all []*flow
	for e := l.Front(); e != nil; e = e.Next() {
		f := e.Value.(*flow)
		if t.now.Sub(f.seen) < d {
			break
		}
		all = append(all, f)
	}
	return all
}
