// Package agent is the pod end of fwd: it listens in the pod's network
// namespace for the one client key it obeys, and dials and resolves there on
// the client's behalf.
//
// It does not know about Kubernetes, and how its port is reached is not its
// business.
package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/dns"
)

// Config says whom an agent obeys and for how long.
type Config struct {
	// Key is the public half of the client's key; nobody else is talked to.
	Key ed25519.PublicKey
	// Idle is how long the agent stays without a client.
	Idle time.Duration
	// Build is the agent's version, for its greeting.
	Build string
	// Log gets what operators want to know; per connection only at debug.
	Log zerolog.Logger
}

// Reasons to end that are no failure; Run returns nil for them.
var (
	errIdle    = errors.New("no client within the idle time")
	errStopped = errors.New("stopped by its client")
)

// memory is how much the agent holds for one session's streams: half of what a
// client does, because a pod's memory is not ours.
const memory = 32 << 20

// Agent serves sessions until it is idle, stopped, or its context ends.
type Agent struct {
	cfg      Config
	resolver *dns.Resolver
	stop     context.CancelCauseFunc
	lobby    lobby
	proxy    proxyPort
	work     sync.WaitGroup // listeners and peers
	captures sync.WaitGroup // those of sessions that have ended, too

	mu      sync.Mutex
	clients int         // guarded by mu
	idle    *time.Timer // guarded by mu; runs while clients is 0
}

// Listen opens the agent's port on the pod's loopback addresses, where
// pods/portforward arrives. A pod may have either family or both.
func Listen(port int) ([]net.Listener, error) {
	var (
		lns  []net.Listener
		errs []error
	)
	for _, host := range []string{"127.0.0.1", "::1"} {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lns = append(lns, ln)
	}
	if len(lns) == 0 {
		return nil, errors.Join(errs...)
	}
	return lns, nil
}

// Run serves clients that connect to lns until ctx ends, no client was there
// for cfg.Idle, or a client said stop. It closes lns and returns when every
// session and connection has ended.
func Run(ctx context.Context, cfg Config, lns []net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	a := &Agent{
		cfg:      cfg,
		resolver: &dns.Resolver{},
		stop:     stop,
	}
	a.idle = time.AfterFunc(cfg.Idle, func() { stop(errIdle) })
	defer a.idle.Stop()

	for _, ln := range lns {
		a.work.Go(func() {
			if err := a.accept(ctx, ln, &a.lobby, a.serve); err != nil {
				stop(err)
			}
		})
		context.AfterFunc(ctx, func() { ln.Close() })
	}
	a.work.Wait()
	a.captures.Wait()
	switch err := context.Cause(ctx); {
	case errors.Is(err, errIdle), errors.Is(err, errStopped), errors.Is(err, context.Canceled):
		cfg.Log.Info().Msgf("ending: %v", err)
		return nil
	default:
		return fmt.Errorf("serve: %w", err)
	}
}

// accept serves what connects to ln until ctx ends; it waits in lobby first.
func (a *Agent) accept(ctx context.Context, ln net.Listener, lobby *lobby, serve func(context.Context, net.Conn)) error {
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if isTemporary(err) { // out of descriptors, or gone before it was accepted
			a.cfg.Log.Warn().Err(err).Msg("accept")
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			return err
		}
		lobby.enter(conn)
		a.work.Go(func() { serve(ctx, conn) })
	}
}

// arrive and leave count clients, for the idle time.
func (a *Agent) arrive() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clients++
	a.idle.Stop()
}

func (a *Agent) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.clients--; a.clients == 0 {
		a.idle.Reset(a.cfg.Idle)
	}
}
