package link

import (
	"bufio"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/moby/spdystream/spdy"
)

// maxErrorText bounds what is kept of the error stream.
const maxErrorText = 8 << 10

// receiver is the reading half of a Conn. It never waits for a writer.
type receiver struct {
	c       *Conn
	br      *bufio.Reader // from c.raw
	left    int           // bytes of the present data frame that are still to be read
	last    bool          // they are the data's last
	text    []byte        // what came on the error stream
	ended   bool          // the data has
	decided bool          // and it is known why: c.decidedc is closed
}

// read reads data, or returns 0 when there is no more, perhaps before the
// reason is known.
func (r *receiver) read(p []byte) int {
	for !r.ended {
		var (
			n   int
			err error
		)
		if r.left > 0 {
			n, err = r.br.Read(p[:min(len(p), r.left)])
			r.left -= n
		} else {
			err = r.next()
		}
		switch {
		case err != nil:
			r.ended = true
			r.lost(err)
		case r.left == 0 && r.last:
			r.finish()
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

// drain reads on after the end of the data: until the connection ends, which a
// writer learns so, too.
func (r *receiver) drain() {
	for {
		if err := r.next(); err != nil {
			r.lost(err)
			return
		}
	}
}

// lost ends the connection: no more can be said where nothing can be heard. A
// writer that waits learns so.
func (r *receiver) lost(err error) {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrLost
	}
	r.end(err)
	r.c.raw.Close()
	close(r.c.lostc)
}

// next handles a frame, or the header of one with data.
func (r *receiver) next() error {
	f, err := readFrame(r.br)
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
		r.left, r.last = f.n, f.fin
	default:
		_, err = r.br.Discard(f.n)
	}
	// The data alone does not say whether its end is orderly. containerd ends it
	// whatever the cause, then kubelet's library writes its text, if there is any,
	// and ends or resets the error stream.
	if err == nil && f.fin && f.id == errorStream {
		r.end(r.said(io.EOF))
	}
	return err
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
	if _, err := io.ReadFull(r.br, r.text[len(r.text)-keep:]); err != nil {
		return err
	}
	_, err := r.br.Discard(n - keep)
	return err
}

// end tells readers and writers that it is over, and why.
func (r *receiver) end(cause error) {
	r.c.end(cause)
	if !r.decided {
		r.decided = true
		close(r.c.decidedc)
	}
	if cause != io.EOF {
		r.finish()
	}
}

// finish ends the data. What comes after is still heard.
func (r *receiver) finish() {
	if !r.ended {
		r.ended = true
		r.c.wg.Go(r.drain)
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
