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
func (a *Agent) serve(ctx context.Context, conn net.Conn) { a.serveLink(ctx, conn, conn) }

// serveLink is serve on a link that goes over conn.
func (a *Agent) serveLink(ctx context.Context, conn, link net.Conn) {
	log := a.cfg.Log.With().Stringer("peer", conn.RemoteAddr()).Logger()
	s, err := session.Agent(ctx, link, session.Config{
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
	err := a.do(ctx, s, st)
	a.cfg.Log.Debug().Stringer("kind", st.Kind()).Str("address", st.Address()).Err(err).Msg("stream ended")
}

func (a *Agent) do(ctx context.Context, s *session.Session, st *session.Stream) (err error) {
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
	return err
}

// control obeys a word to the agent itself (SPEC.md 3).
func (a *Agent) control(ctx context.Context, st *session.Stream) error {
	switch st.Address() {
	case "proxy":
		where, err := a.proxy.open(ctx, a)
		if err != nil {
			st.Abort(err)
			return err
		}
		st.Accept(where)
		return nil
	case "stop":
		st.Accept("stop")
		st.CloseWrite()
		err := st.Flush(ctx) // the end of the session would overtake the answer
		a.stop(errStopped)
		return err
	default:
		st.Reset(wire.Unsupported, "this agent does not know the word "+st.Address())
		return nil
	}
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
