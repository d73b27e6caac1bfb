package session

import (
	"context"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Idle waits until no stream is there; more may come a moment later. The error
// is the end of the session or that of ctx.
func (s *Session) Idle(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waitIdle(ctx)
}

// waitIdle is Idle with mu held, which it gives up while it waits.
func (s *Session) waitIdle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.idle.Broadcast()
	})
	defer stop()
	for s.err == nil && len(s.streams) > 0 && ctx.Err() == nil {
		s.idle.Wait()
	}
	switch {
	case len(s.streams) == 0: // all is said and done, even if the link broke then
		return nil
	case s.err != nil:
		return s.err
	}
	return context.Cause(ctx)
}

// Shutdown takes no new streams, waits until those that are there are over, so
// that everything written has been consumed by the peer, and closes the
// session. When ctx ends first it closes the session at once and returns why.
func (s *Session) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		s.sendControl(wire.GoAway{Last: s.lastPeer})
	}
	err := s.waitIdle(ctx)
	s.mu.Unlock()
	s.Close()
	return err
}

// Close ends the session at once: streams that are not over fail on both
// sides. It returns when the session's goroutines have, within a second or so.
func (s *Session) Close() error {
	s.closeWith(wire.GoAway{Code: wire.Canceled})
	return nil
}

// CloseWithError is Close with a reason that the peer's streams fail with.
func (s *Session) CloseWithError(code wire.Code, text string) {
	s.closeWith(wire.GoAway{Code: code, Text: text})
}

func (s *Session) closeWith(f wire.GoAway) {
	s.mu.Lock()
	if s.err == nil {
		f.Last = s.lastPeer
		s.control = f.Append(s.control)
		s.end(ErrClosed)
	}
	s.mu.Unlock()
	<-s.donec
}
