package capture

import "sync/atomic"

// held counts bytes that wait, of all copies.
type held struct {
	max int64
	n   atomic.Int64
}

// take takes n more bytes for a copy that has own, unless that would be more
// than what all leave free. One goroutine calls it.
func (h *held) take(own, n int) bool {
	if int64(own+n) > h.max-h.n.Load()-int64(n) {
		return false
	}
	h.n.Add(int64(n))
	return true
}

func (h *held) give(n int) { h.n.Add(-int64(n)) }
