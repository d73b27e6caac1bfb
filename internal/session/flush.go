package session

import (
	"context"

	"github.com/fwdtools/fwd/pkg/wire"
)

// errLost is what Flush says when this side reset the stream too early.
var errLost = &ResetError{Code: wire.Canceled, Text: "reset before all was sent"}

// Flush waits until the peer's application has consumed all that was written,
// and FIN is sent if it was asked for. It works after Close, too: a program
// that must not end before its bytes have arrived waits here. The error is the
// peer's reset, the end of the session, or that of ctx.
func (st *Stream) Flush(ctx context.Context) error {
	s := st.s
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		st.wcond.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case st.reset != nil:
			return st.reset
		case st.lost:
			return errLost
		case len(st.sbuf)+len(st.wp)+st.sent == 0 && st.finSent == st.finWanted:
			return nil
		case s.err != nil:
			return s.err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		st.wcond.Wait()
	}
}
