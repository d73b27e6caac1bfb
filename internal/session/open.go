package session

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Open opens a stream without waiting for the peer: what is written travels
// with it. Use Connected to wait. The error is ErrGoAway, ErrTooManyStreams,
// the end of the session, or says what is wrong with address.
func (s *Session) Open(kind wire.Kind, address string) (*Stream, error) {
	if len(address) > wire.MaxAddress || strings.ToValidUTF8(address, "") != address {
		return nil, fmt.Errorf("open %v stream: address is not text of at most %d bytes", kind, wire.MaxAddress)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return nil, s.err
	case s.draining:
		return nil, ErrClosed
	case s.goaway != nil:
		return nil, s.goaway
	case s.nextID > wire.MaxStreamID-2:
		return nil, ErrGoAway // of no use any more, after two billion streams
	case s.ownOpen >= int(s.peer.Streams):
		return nil, ErrTooManyStreams
	}
	st := s.newStream(wire.Open{Stream: s.nextID, Kind: kind, Address: address}, true)
	s.nextID += 2
	st.openDue = true
	st.announce()
	return st, nil
}

// Dial opens a stream and waits until the peer has accepted it. The error is
// a *net.OpError.
func (s *Session) Dial(ctx context.Context, kind wire.Kind, address string) (*Stream, error) {
	st, err := s.Open(kind, address)
	if err == nil {
		if _, err = st.Connected(ctx); err == nil {
			return st, nil
		}
		st.Reset(wire.Canceled, "")
	}
	return nil, &net.OpError{Op: "dial", Net: kind.String(), Addr: Addr{kind.String(), address}, Err: err}
}

// Accept waits for a stream that the peer opens. The stream's Kind and Address
// say what it wants; answer with its Accept or Reset. The error is the end of
// ctx or of the session.
func (s *Session) Accept(ctx context.Context) (*Stream, error) {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.arrivals.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.backlog) == 0 {
		if s.err != nil {
			return nil, s.err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s.arrivals.Wait()
	}
	st := s.backlog[0]
	s.backlog[0] = nil
	s.backlog = s.backlog[1:]
	return st, nil
}

// Accept tells the opener that its stream is connected to address. It has no
// effect on a stream that is over, or that this side opened. Who writes before
// has accepted, with no address.
func (st *Stream) Accept(address string) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	if !st.closed && st.reset == nil {
		st.accept(address)
	}
}

// accept accepts a stream that this side has not. Called with mu held.
func (st *Stream) accept(address string) {
	if st.own || st.connected {
		return
	}
	st.connected, st.reached = true, address
	st.acceptDue = true
	st.announce()
}

// onAccept handles an ACCEPT. Called with mu held.
func (st *Stream) onAccept(f wire.Accept) {
	if !st.own || st.connected {
		st.s.breach(wire.ProtocolError, f.String()+": nothing to accept")
		return
	}
	st.connected, st.reached = true, f.Address
	st.rcond.Broadcast()
}

// onOpen handles an OPEN. Called with mu held.
func (s *Session) onOpen(h wire.Header, p []byte) {
	f, err := wire.ParseOpen(h, p)
	switch {
	case err != nil:
		s.breach(wire.ProtocolError, err.Error())
	case f.Stream%2 == s.nextID%2 || f.Stream <= s.lastPeer:
		s.breach(wire.ProtocolError, f.String()+": stream id out of order")
	default:
		s.lastPeer = f.Stream
		s.admit(f)
	}
}

// admit makes a stream of f, or refuses it.
func (s *Session) admit(f wire.Open) {
	refuse := wire.Reset{Stream: f.Stream}
	switch {
	case s.draining:
		refuse.Code = wire.ShuttingDown
	case s.peerOpen >= s.cfg.Streams:
		refuse.Code, refuse.Text = wire.TooManyStreams, fmt.Sprintf("%d streams are open", s.peerOpen)
	case len(s.backlog) >= wire.MaxBacklog:
		refuse.Code, refuse.Text = wire.TooManyStreams, fmt.Sprintf("%d streams wait to be accepted", len(s.backlog))
	default:
		s.backlog = append(s.backlog, s.newStream(f, false))
		s.arrivals.Signal()
		return
	}
	s.sendControl(refuse)
}
