package agent

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// serve runs one session on conn. It returns when the session and all that was
// done for it have ended.
func (a *Agent) serve(ctx context.Context, conn net.Conn) {
	log := a.cfg.Log.With().Stringer("peer", conn.RemoteAddr()).Logger()
	s, err := session.Agent(ctx, conn, session.Config{
		Peer:   a.cfg.Key,
		Build:  a.cfg.Build,
		Memory: memory,
	})
	a.lobby.leave(conn)
	if err != nil {
		log.Debug().Err(err).Msg("no session")
		return
	}
	a.arrive()
	defer a.leave()
	log.Info().Str("build", s.PeerBuild()).Msg("client connected")

	var wg sync.WaitGroup
	for {
		st, err := s.Accept(ctx)
		if err != nil {
			break
		}
		wg.Go(func() { a.handle(ctx, s, st) })
	}
	if ctx.Err() != nil {
		s.CloseWithError(wire.ShuttingDown, "agent is ending: "+context.Cause(ctx).Error())
	}
	s.Close()
	wg.Wait()
	log.Info().AnErr("cause", s.Err()).Msg("client gone")
}

// handle does what one stream asks for.
func (a *Agent) handle(ctx context.Context, s *session.Session, st *session.Stream) {
	defer st.Close()
	log := a.cfg.Log.With().Stringer("kind", st.Kind()).Str("address", st.Address()).Logger()
	var err error
	switch st.Kind() {
	case wire.KindTCP:
		err = dialTCP(ctx, st)
	case wire.KindResolve:
		err = a.resolve(ctx, st)
	case wire.KindControl:
		err = a.control(ctx, st)
	case wire.KindListen:
		err = a.listen(ctx, s, st)
	default:
		st.Reset(wire.Unsupported, "this agent does not know "+st.Kind().String())
	}
	log.Debug().Err(err).Msg("stream ended")
}

// control obeys a word to the agent itself.
func (a *Agent) control(ctx context.Context, st *session.Stream) error {
	if st.Address() != "stop" {
		st.Reset(wire.Unsupported, "this agent does not know the word "+st.Address())
		return nil
	}
	st.Accept("stop")
	st.CloseWrite()
	err := st.Flush(ctx) // the end of the session would overtake the answer
	a.stop(errStopped)
	return err
}

// isTemporary tells that accept may work again.
func isTemporary(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
