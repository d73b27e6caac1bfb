package session

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Stream is one ordered byte stream of a session, with the manners of a TCP
// connection. All its methods may be called from any goroutine.
//
// End of data is io.EOF and comes only when the peer half-closed; after Close
// errors match net.ErrClosed, after the peer's reset a *ResetError, after the
// end of the session an *Error or ErrClosed, each in a *net.OpError.
type Stream struct {
	s    *Session
	id   uint32
	open wire.Open
	own  bool          // opened by this side
	endc chan struct{} // closed when Done says

	// All below is guarded by s.mu.

	lines     uint8     // the lines that it stands in
	onDone    []*func() // to be called when endc is closed
	connected bool      // ACCEPT was sent or received
	reached   string    // the address in it
	closed    bool      // Close or Reset was called here
	place     bool      // it still takes a place in ownOpen or peerOpen
	reset     error     // the peer's RESET, nil before

	notices
	sendSide
	recvSide
}

// sendSide is the half of a stream that sends (send.go).
type sendSide struct {
	wcond     sync.Cond // broadcast when a writer may have something to see
	wdeadline deadline
	writing   bool                      // a Write is under way; others wait
	wp        []byte                    // what the Write under way has still to hand over
	sbuf      []byte                    // small writes that wait for their turn; nil or a piece
	source    func([]byte) (int, error) // of Draw, while there may be more in it
	sourceErr error                     // why there is not
	drawing   bool                      // who writes reads from source
	finWanted bool                      // FIN goes after sbuf
	finSent   bool
	rst       *wire.Reset // RESET to be sent after what credit allows of sbuf
	linger    bool        // rst waits for credit for all of sbuf
	rstSent   bool
	lost      bool // RESET was sent before all that was written
	window    int  // bytes that the peer lets be outstanding
	sent      int  // bytes outstanding: sent and not reported as consumed
}

// recvSide is the half of a stream that receives (receive.go).
type recvSide struct {
	rcond      sync.Cond // broadcast when a reader may have something to see
	rdeadline  deadline
	rbuf       chunks
	taken      int     // bytes that WriteTo is writing
	outlet     *outlet // what the stream is fed to, or nil
	finRecv    bool
	exchanges  bool             // it received a small amount before (hurry.go)
	rwindow    int              // bytes that we let be outstanding
	lean       int              // how wide it is while others are in a hurry (hurry.go)
	consumed   int              // bytes read and not reported
	kept       int              // bytes of consumed that are not to be reported now
	round      int              // bytes read since roundBegan (window.go)
	began      time.Time        // when the round began
	lastRounds [2]time.Duration // how long those before took
}

var (
	_ net.Conn = (*Stream)(nil)
	_ net.Addr = Addr{}
)

// Addr is an end of a stream.
type Addr struct{ Net, Address string }

// Network implements net.Addr.
func (a Addr) Network() string { return a.Net }

func (a Addr) String() string { return a.Address }

// newStream makes a stream known. Called with mu held.
func (s *Session) newStream(open wire.Open, own bool) *Stream {
	st := &Stream{s: s, id: open.Stream, open: open, own: own, endc: make(chan struct{}), place: true}
	st.wcond.L, st.rcond.L = &s.mu, &s.mu
	st.window = int(s.peer.Window)
	st.rwindow, st.lean = firstWindow, firstLean
	st.beginRounds()
	s.streams[st.id] = st
	if own {
		s.ownOpen++
	} else {
		s.peerOpen++
	}
	return st
}

// ID is the stream's number on the wire, by which other streams may name it.
func (st *Stream) ID() uint32 { return st.id }

// Kind is what the stream was opened for.
func (st *Stream) Kind() wire.Kind { return st.open.Kind }

// Address is the address that the stream was opened with.
func (st *Stream) Address() string { return st.open.Address }

// LocalAddr implements net.Conn; it is a name for people.
func (st *Stream) LocalAddr() net.Addr { return Addr{"fwd", fmt.Sprintf("stream %d", st.id)} }

// RemoteAddr implements net.Conn: the address that the stream was opened with.
func (st *Stream) RemoteAddr() net.Addr { return Addr{st.open.Kind.String(), st.open.Address} }

// Done is closed when the peer has reset the stream, the session has ended, or
// Close or Reset was called: nothing that is done for the stream is of use any
// more. Half-closes do not count.
func (st *Stream) Done() <-chan struct{} { return st.endc }

// OnDone has f called in a goroutine of its own when Done is closed, at once if
// it is. No goroutine waits for that. stop takes it back if it has not begun.
func (st *Stream) OnDone(f func()) (stop func()) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	select {
	case <-st.endc:
		go f()
		return func() {}
	default:
	}
	st.onDone = append(st.onDone, &f)
	return func() {
		st.s.mu.Lock()
		defer st.s.mu.Unlock()
		st.onDone = slices.DeleteFunc(st.onDone, func(o *func()) bool { return o == &f })
	}
}

// end lets everyone who waits look again, for good. Called with mu held.
func (st *Stream) end() {
	select {
	case <-st.endc:
	default:
		close(st.endc)
		for _, f := range st.onDone {
			go (*f)()
		}
		st.onDone = nil
	}
	st.wcond.Broadcast()
	st.readable()
}

// Connected waits until the peer has accepted the stream and returns the
// address that it reached, or why there is no connection. The stream may be
// used before.
func (st *Stream) Connected(ctx context.Context) (string, error) {
	s := st.s
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		st.rcond.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case st.connected:
			return st.reached, nil
		case st.reset != nil:
			return "", st.reset
		case st.closed:
			return "", net.ErrClosed
		case s.err != nil:
			return "", s.err
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		}
		st.rcond.Wait()
	}
}

// Read implements net.Conn. What arrived before a reset or the end of the
// session is still read.
func (st *Stream) Read(b []byte) (int, error) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	n, err := st.read(b)
	if err != nil && err != io.EOF {
		err = st.opError("read", err)
	}
	return n, err
}

// Write implements net.Conn. It returns when the bytes are on their way or in
// the stream's buffer, which holds at most 32 KiB.
func (st *Stream) Write(b []byte) (int, error) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	n, err := st.write(b)
	if err != nil {
		err = st.opError("write", err)
	}
	return n, err
}

// CloseWrite half-closes: the peer reads to the end and then io.EOF, while
// this side goes on reading.
func (st *Stream) CloseWrite() error {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	var err error
	switch {
	case st.closed:
		err = net.ErrClosed
	case st.finSent: // whatever came later does not undo it
		return nil
	case st.reset != nil:
		err = st.reset
	case st.s.err != nil:
		err = st.s.err
	}
	if err != nil {
		return st.opError("close", err)
	}
	st.finish()
	return nil
}

// Close ends the stream as close(2) does: what was written is still sent, then
// FIN; a peer that has not ended its own direction is reset after that. If there
// is data that was not read, or when some arrives, the reset does not wait for a
// peer that does not read either. Close itself never waits.
func (st *Stream) Close() error {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	if st.closed {
		return nil
	}
	switch {
	case !st.own && !st.connected: // it never was a connection
		st.abort(wire.Canceled, "")
	case st.rbuf.n > 0: // without FIN: the peer must not take it for success
		st.abort(wire.Canceled, "")
	case !st.finRecv:
		st.finish()
		st.linger = true
		st.abort(wire.Canceled, "")
	default:
		st.finish()
	}
	st.close()
	return nil
}

// Reset ends both directions at once: the peer's calls fail with a ResetError
// of this code and text. What was written may be lost.
func (st *Stream) Reset(code wire.Code, text string) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	if !st.closed {
		st.abort(code, text)
		st.close()
	}
}

// close ends the stream for the application. Called with mu held.
func (st *Stream) close() {
	st.closed = true
	st.wdeadline.stop()
	st.rdeadline.stop()
	st.discard()
	st.end()
	st.settle()
}

// SetDeadline implements net.Conn.
func (st *Stream) SetDeadline(t time.Time) error {
	return st.setDeadline(t, &st.rdeadline, &st.wdeadline)
}

// SetReadDeadline implements net.Conn.
func (st *Stream) SetReadDeadline(t time.Time) error { return st.setDeadline(t, &st.rdeadline) }

// SetWriteDeadline implements net.Conn.
func (st *Stream) SetWriteDeadline(t time.Time) error { return st.setDeadline(t, &st.wdeadline) }

func (st *Stream) setDeadline(t time.Time, ds ...*deadline) error {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	if st.closed {
		return st.opError("set", net.ErrClosed)
	}
	for _, d := range ds {
		wake := st.readable
		if d == &st.wdeadline {
			wake = st.wcond.Broadcast
		}
		d.set(t, &st.s.mu, wake)
	}
	return nil
}

// settle forgets the stream when neither side has anything left to say about
// it, and gives its place back when the application, too, is done with it.
// Called with mu held after each change that may be the last.
//
// A stream is over when both of these hold:
//
//	sending    FIN or RESET is sent and the peer has reported all as consumed,
//	           or the peer has sent RESET
//	receiving  FIN or RESET is received and all is read and reported, or
//	           RESET is sent
func (st *Stream) settle() {
	s := st.s
	sendDone := st.reset != nil || (st.finSent || st.rstSent) && st.sent == 0
	recvDone := st.rstSent || (st.finRecv || st.reset != nil) && st.rbuf.n+st.taken+st.consumed == 0
	if !sendDone || !recvDone {
		return
	}
	if s.streams[st.id] == st {
		delete(s.streams, st.id)
		s.idle.Broadcast()
	}
	if st.closed && st.place {
		st.place = false
		if st.own {
			s.ownOpen--
		} else {
			s.peerOpen--
		}
	}
}

// deadlineError is what a call returns when its deadline has expired.
var deadlineError = os.ErrDeadlineExceeded
