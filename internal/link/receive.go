package link

import (
	"io"
	"net"
	"syscall"
	"time"

	"github.com/moby/spdystream/spdy"
)

// maxErrorText bounds what is kept of the error stream.
const maxErrorText = 8 << 10

// receive reads frames until the connection ends. It never waits for a writer,
// only for the reader.
func (c *Conn) receive() {
	r := receiver{c: c}
	for r.next() == nil {
	}
	r.end(ErrLost)
	// No more can be said on a connection of which nothing can be heard; a
	// writer that waits in it learns so.
	c.raw.Close()
	close(c.lostc)
}

// receiver is the state of receive.
type receiver struct {
	c       *Conn
	text    []byte // what came on the error stream
	ended   bool   // the data has: c.chunks is closed
	decided bool   // and it is known why: c.decidedc is closed
}

// next handles one frame.
func (r *receiver) next() error {
	f, err := readFrame(r.c.br)
	if err != nil {
		return err
	}
	if f.control {
		return r.control(f)
	}
	switch {
	case f.id == errorStream:
		err = r.errorText(f.n)
	case f.id == dataStream && !r.ended:
		err = r.data(f.n)
	default:
		_, err = r.c.br.Discard(f.n)
	}
	if err != nil || !f.fin {
		return err
	}
	// The data alone does not say whether its end is orderly. containerd ends it
	// whatever the cause, then kubelet's library writes its text, if there is any,
	// and ends or resets the error stream.
	switch f.id {
	case dataStream:
		r.endData()
	case errorStream:
		r.end(r.said(io.EOF))
	}
	return nil
}

// said is the error that the far side gave a text for, otherwise err.
func (r *receiver) said(err error) error {
	if len(r.text) > 0 {
		return newRemoteError(string(r.text))
	}
	return err
}

func (r *receiver) control(f frame) error {
	switch f.kind {
	case spdy.TypeRstStream:
		r.end(r.said(syscall.ECONNRESET))
	case spdy.TypeGoAway:
		return ErrLost
	case spdy.TypePing:
		if f.id%2 != 0 {
			return nil // the answer to one of ours
		}
		select {
		case r.c.pongc <- f.id:
		default: // who pings so often can miss one
		}
	}
	return nil
}

// errorText keeps n bytes of the error stream, within bounds.
func (r *receiver) errorText(n int) error {
	keep := min(n, maxErrorText-len(r.text))
	r.text = append(r.text, make([]byte, keep)...)
	if _, err := io.ReadFull(r.c.br, r.text[len(r.text)-keep:]); err != nil {
		return err
	}
	_, err := r.c.br.Discard(n - keep)
	return err
}

// data passes n bytes to the reader.
func (r *receiver) data(n int) error {
	for n > 0 {
		whole := chunkPool.Get().(*[chunk]byte)
		part := whole[:min(n, chunk)]
		if _, err := io.ReadFull(r.c.br, part); err != nil {
			return err
		}
		n -= len(part)
		select {
		case r.c.chunks <- part:
		case <-r.c.closedc:
			return net.ErrClosed
		}
	}
	return nil
}

// end tells readers and writers that it is over, and why.
func (r *receiver) end(cause error) {
	r.c.end(cause)
	if !r.decided {
		r.decided = true
		close(r.c.decidedc)
	}
	if cause != io.EOF {
		r.endData()
	}
}

func (r *receiver) endData() {
	if !r.ended {
		r.ended = true
		close(r.c.chunks)
	}
}

// keepAlive sends pings, and answers those that receive passes on: receive must
// not wait for a writer that waits for the far side to read.
func (c *Conn) keepAlive() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	var own uint32 = 1
	for {
		var id uint32
		select {
		case <-c.closedc:
			return
		case <-c.lostc:
			return
		case id = <-c.pongc:
		case <-tick.C:
			id, own = own, own+2
		}
		c.wmu.Lock()
		c.wbuf = appendPing(c.wbuf[:0], id)
		_, err := c.raw.Write(c.wbuf)
		c.wmu.Unlock()
		if err != nil {
			return // whoever reads or writes finds out as well
		}
	}
}
