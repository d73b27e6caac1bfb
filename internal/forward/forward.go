// Package forward serves local routes: it listens on the laptop and joins each
// connection with one that is dialled through the pod.
//
// It binds before there is an agent and accepts when told to, so that a busy
// port is found before anything is launched, and "ready" is said when it is
// true.
package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/internal/route"
)

// DialFunc opens a connection to an address as the pod sees it. It may return
// before the address is reached: failure then shows in reading and writing.
type DialFunc func(ctx context.Context, address string) (relay.Conn, error)

// Route is a local route whose port is bound.
type Route struct {
	route.Local
	ln net.Listener
}

// Bind listens on the address of each route. If one cannot, none does.
func Bind(ctx context.Context, locals []route.Local) ([]Route, error) {
	var lc net.ListenConfig
	var routes []Route
	for _, l := range locals {
		ln, err := lc.Listen(ctx, "tcp", l.Listen())
		if err != nil {
			Close(routes)
			return nil, fmt.Errorf("-L %s: %w", l, err)
		}
		routes = append(routes, Route{l, ln})
	}
	return routes, nil
}

// Close gives the ports of routes back.
func Close(routes []Route) {
	for _, r := range routes {
		r.ln.Close()
	}
}

// String is the line that says what the route does, with the port that the
// kernel chose: "127.0.0.1:9000 -> py-serv:80".
func (r Route) String() string { return fmt.Sprintf("%v -> %s", r.ln.Addr(), r.Remote) }

// Serve accepts on routes and joins each connection with one from dial, until
// ctx ends. A connection that fails is reset and said in log; the others go on.
// It closes routes and returns when all connections have ended.
func Serve(ctx context.Context, log zerolog.Logger, routes []Route, dial DialFunc) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { Close(routes) })()
	var wg sync.WaitGroup
	for _, r := range routes {
		wg.Go(func() { cancel(r.accept(ctx, log, dial, &wg)) })
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// accept serves one route; its error ends them all.
func (r Route) accept(ctx context.Context, log zerolog.Logger, dial DialFunc, wg *sync.WaitGroup) error {
	for {
		conn, err := r.ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case err == nil:
			wg.Go(func() { r.join(ctx, log, dial, relay.TCP{TCPConn: conn.(*net.TCPConn)}) })
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("%v: %w", r, err)
		default: // such as no descriptor left; those in use come back
			log.Warn().Msgf("%v: %v", r, err)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// join serves one connection.
func (r Route) join(ctx context.Context, log zerolog.Logger, dial DialFunc, conn relay.TCP) {
	far, err := dial(ctx, r.Remote)
	if err == nil {
		defer context.AfterFunc(ctx, func() { far.Abort(ctx.Err()); conn.Abort(nil) })()
		err = relay.Join(conn, far)
	} else {
		conn.Abort(err)
	}
	var side *relay.Error
	switch {
	case err == nil, ctx.Err() != nil:
	case errors.As(err, &side) && side.Conn == relay.Conn(conn), errors.Is(err, net.ErrClosed):
		// The local program went away: it knows. Or this side gave the connection
		// up after the local program had nothing more to say.
		log.Debug().Msgf("%v: %v: %v", r, conn.RemoteAddr(), err)
	default:
		log.Error().Msgf("%v: %v", r, err)
	}
}
