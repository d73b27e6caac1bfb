package session

import "io"

// outlet is what a stream is fed to.
type outlet struct {
	w       io.Writer
	now     eager // w, or nil
	done    func(n int64, err error)
	total   int64
	err     error // of now
	feeding bool  // somebody writes to w
}

// eager is a writer that can write what it has room for, without waiting: the
// error is not nil only if it never will again.
type eager interface {
	WriteNow(bufs [][]byte) (n int64, err error)
}

// Feed is WriteTo that returns at once, and calls done once with what WriteTo
// would return. If w has a method WriteNow([][]byte) (int64, error), which writes
// what there is room for without waiting, then the goroutine that reads the link
// calls it with all that came at once. Otherwise, and for the rest, there is a
// goroutine while there is something to write. Ten thousand idle connections
// cost no stack this way. There must be no other reader.
func (st *Stream) Feed(w io.Writer, done func(n int64, err error)) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	now, _ := w.(eager)
	st.outlet = &outlet{w: w, now: now, done: done}
	st.readable()
}

// readable tells readers that there may be something to see. Called with mu
// held.
func (st *Stream) readable() {
	st.rcond.Broadcast()
	if st.outlet == nil || st.outlet.feeding {
		return
	}
	if st.outlet.err == nil && st.rbuf.n == 0 {
		if _, err := st.read(nil); err == nil {
			return
		}
	}
	st.outlet.feeding = true
	go st.feed(st.outlet)
}

// deliver writes what has come to the outlets that have room. The goroutine that
// reads the link calls it before it waits for more, so that many frames become
// one write, and no other goroutine has to wake up.
func (s *Session) deliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.fed.len() > 0 {
		st := s.fed.pop()
		if o := st.outlet; o != nil && o.now != nil && !o.feeding && st.rbuf.n > 0 {
			st.writeNow(o)
		}
		st.readable() // the rest, or the end
	}
}

// writeNow writes what o has room for. Called with mu held, which it gives up
// meanwhile.
func (st *Stream) writeNow(o *outlet) {
	s := st.s
	pieces, off := st.rbuf.takeAll()
	bufs := append(make([][]byte, 0, len(pieces)), pieces...)
	bufs[0] = bufs[0][off:]
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	st.taken += size
	o.feeding = true
	s.mu.Unlock()
	n, err := o.now.WriteNow(bufs)
	s.mu.Lock()
	o.feeding = false
	o.total += n
	o.err = err
	st.taken -= size

	written := int(n)
	if st.closed { // what was not taken has been discarded, and so is this
		written = size
	}
	rest := off + written // bytes of pieces that are over
	for len(pieces) > 0 && rest >= len(pieces[0]) {
		rest -= len(pieces[0])
		freePiece(pieces[0])
		pieces = pieces[1:]
	}
	if len(pieces) > 0 {
		st.rbuf.putBack(pieces, rest)
	}
	s.held -= written
	st.consume(written)
	st.settle()
}

// feed writes what is there to the outlet, and its end.
func (st *Stream) feed(o *outlet) {
	s := st.s
	s.mu.Lock()
	err := o.err
	for err == nil && st.rbuf.n > 0 {
		var n int64
		n, err = st.writePiece(o.w)
		o.total += n
	}
	if err == nil {
		if _, err = st.read(nil); err == nil { // no end yet
			o.feeding = false
			s.mu.Unlock()
			return
		}
		if err == io.EOF {
			err = nil
		} else {
			err = st.opError("read", err)
		}
	}
	st.outlet = nil
	s.mu.Unlock()
	o.done(o.total, err)
}
