//go:build !unix

package relay

import "io"

// copyReady copies src to w, with a buffer all the time.
func copyReady(w io.Writer, src waiter) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, buf[:])
	return err
}
