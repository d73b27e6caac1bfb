//go:build !unix

package relay

// drawReady copies src to w, with a buffer all the time.
func drawReady(w *watched, _ drawer, src waiter) error { return copyBuffer(w, src) }
