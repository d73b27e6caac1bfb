package session

import (
	"slices"

	"github.com/fwdtools/fwd/pkg/wire"
)

const (
	// drawFirst is how much Draw reads by itself. It is what each of many streams
	// holds while it waits for its turn.
	drawFirst = mediumPiece
	// drawSize is how much who writes reads for a frame: with that
	// one's header, and those of TLS records, 32 KiB at most. API servers and
	// runtimes copy by so much, and would else pass on the last few bytes alone.
	drawSize = wire.MaxPayload - 64
)

// Draw sends what read gives, until read has nothing for now (0, nil) or fails,
// with io.EOF or else. A read that does not fill b is taken for the last one
// for now. Nothing is read before it may be sent, and most of it right into what
// is written to the link: a stream that has to wait for its turn or its peer
// holds no buffer.
//
// read must not wait. Another goroutine than the caller's may call it, but none
// after Draw has returned. The error is that of read, or one that Write returns.
func (st *Stream) Draw(read func(b []byte) (n int, err error)) error {
	s := st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := st.beginWrite(); err != nil {
		return st.opError("write", err)
	}
	defer st.endWrite()
	if more, err := st.drawLittle(read); !more {
		return err
	}
	st.source, st.sourceErr = read, nil
	st.schedule()
	for st.source != nil && (st.drawing || st.writeError() == nil) {
		st.wcond.Wait()
	}
	if st.source == nil {
		return st.sourceErr
	}
	st.source = nil
	st.schedule() // a FIN may have waited for it
	return st.opError("write", st.writeError())
}

// drawLittle reads what the writer's goroutine need not be asked for, and reports
// whether there may be more. Called with mu held, which it gives up while it
// reads.
func (st *Stream) drawLittle(read func([]byte) (int, error)) (more bool, err error) {
	room, _ := st.allowance(drawFirst)
	if room == 0 || len(st.sbuf) > 0 {
		return true, nil
	}
	buf := newPiece(drawFirst)
	st.s.mu.Unlock()
	n, err := read(buf[:room])
	st.s.mu.Lock()
	if n == 0 {
		freePiece(buf)
		return false, err
	}
	if err := st.writeError(); err != nil {
		freePiece(buf)
		return false, st.opError("write", err)
	}
	st.sbuf = buf[:n]
	if n == room {
		st.schedule()
		return err == nil, err
	}
	st.writeAtOnce()
	return false, err
}

// sources reports whether there is a source to read from. Called with mu held.
func (st *Stream) sources() bool { return st.source != nil && st.writeError() == nil }

// emitDrawn appends a frame of what the source gives to out. Called by who
// writes, with mu held, which it gives up while it reads.
func (st *Stream) emitDrawn(out []byte) []byte {
	n, _ := st.allowance(drawSize)
	if n == 0 {
		return out
	}
	out = slices.Grow(out, wire.HeaderLen+n)
	payload := out[:len(out)+wire.HeaderLen+n][len(out)+wire.HeaderLen:]
	st.drawing = true
	st.s.mu.Unlock()
	got, err := st.source(payload)
	st.s.mu.Lock()
	st.drawing = false
	if got < n || err != nil {
		st.source, st.sourceErr = nil, err
	}
	if !st.sources() {
		st.wcond.Broadcast()
	}
	if got == 0 || st.reset != nil || st.s.err != nil || st.rst != nil && !st.linger {
		return out
	}
	st.sending(got)
	return wire.Header{Type: wire.TypeData, Length: got, Stream: st.id}.Append(out)[:len(out)+wire.HeaderLen+got]
}

// sending counts n bytes that go into a frame.
func (st *Stream) sending(n int) {
	st.sent += n
	st.s.outstanding += n
	st.s.moved += int64(n)
}
