package capture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/pkg/wire"
)

const (
	// maxStolen is how many connections are stolen at once; others wait in the
	// kernel's backlog.
	maxStolen = 4096
	// lateTime is how long connections are still taken whose handshake began
	// before the redirect stopped. The port is not free before.
	lateTime = 300 * time.Millisecond
)

// Claim is the right to a port. A *claim.Claim is one.
type Claim interface {
	// Order is the place among those who filter the same port.
	Order() int
	// Passed remembers who is behind a socket of ours that goes to the app.
	Passed(local, caller netip.AddrPort) (forget func())
	// Yield lets others have the whole port; what was passed on is still known.
	Yield() error
	// Behind asks those who came before for whom they opened a socket.
	Behind(addr netip.AddrPort) (netip.AddrPort, bool)
	Close() error
}

// Redirect is rules that bring callers to our listener. An *nft.Redirect is one.
type Redirect interface {
	// Stop lets new connections go to the app; those in progress go on.
	Stop() error
	// Close removes what connections in progress need.
	Close() error
}

// Pod is what stealing does to the pod's network namespace.
type Pod struct {
	// Take claims the port, or says who has it.
	Take func(port uint16) (Claim, error)
	// Redirect brings callers of port to our port to, except those who are
	// marked for order or above.
	Redirect func(port, to uint16, order int) (Redirect, error)
	// Control marks a socket before it connects.
	Control func(order int) func(network, address string, c syscall.RawConn) error
	// OriginalDst is what the caller called.
	OriginalDst func(*net.TCPConn) (netip.AddrPort, error)
	// Listening tells whether anything listens on the port.
	Listening func(port uint16) (bool, error)
	// ResetEstablished resets the connections that the port has.
	ResetEstablished func(port uint16) (int, error)
}

// StealConfig says what is stolen, and for whom.
type StealConfig struct {
	Port          uint16
	Filter        *httpfilter.Filter // nil: every connection, whatever is in it
	Forwarded     bool               // requests say for whom they come
	Fallback      bool               // what the client refuses goes to the app
	ResetExisting bool               // connections from before are reset
	Open          Open
	Warn          func(text string) // called by Run
	Pod           Pod
}

// Steal is connections that come to a client instead of the app.
//
// New connections wait in the kernel until Run takes them. Stop and Abort may
// be called from any goroutine, before and after Run.
type Steal struct {
	cfg      StealConfig
	claim    Claim
	redirect Redirect
	ln       *net.TCPListener
	roomc    chan struct{} // holds one per connection under way
	drainc   chan struct{} // closed by Stop
	clients  group         // streams to the client
	callers  group
	counts

	mu      sync.Mutex
	stopped bool  // guarded by mu: no connection is stolen any more
	stopErr error // guarded by mu
}

// NewSteal steals the port: callers are redirected when it returns. Nothing is
// left of it when it fails.
func NewSteal(cfg StealConfig) (*Steal, error) {
	claim, err := cfg.Pod.Take(cfg.Port)
	if err != nil {
		return nil, err
	}
	s := &Steal{cfg: cfg, claim: claim, roomc: make(chan struct{}, maxStolen), drainc: make(chan struct{})}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, s.undo())
	}
	return s, nil
}

// begin brings the port's callers to a listener of ours.
func (s *Steal) begin() error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)                               // of these the kernel tells no original destination
	ln, err := lc.Listen(context.Background(), "tcp", ":0") // any address: the redirect decides which it is
	if err != nil {
		return err
	}
	s.ln = ln.(*net.TCPListener)
	if s.redirect, err = s.cfg.Pod.Redirect(s.cfg.Port, s.port(), s.claim.Order()); err != nil {
		return err
	}
	if s.cfg.ResetExisting {
		if _, err := s.cfg.Pod.ResetEstablished(s.cfg.Port); err != nil {
			return fmt.Errorf("reset existing connections: %w", err)
		}
	}
	return nil
}

// port is where callers are redirected to.
func (s *Steal) port() uint16 { return uint16(s.ln.Addr().(*net.TCPAddr).Port) }

// undo takes back what begin has done, in the reverse order, and the claim.
func (s *Steal) undo() error {
	var errs []error
	if s.redirect != nil {
		errs = append(errs, s.redirect.Close())
	}
	if s.ln != nil {
		s.ln.Close()
	}
	return errors.Join(append(errs, s.claim.Close())...)
}

// Run serves callers until Stop or Abort was called and the last connection
// has ended, the app's among them, and undoes everything. When ctx ends all
// connections are reset at once.
func (s *Steal) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		s.Abort()
		s.callers.abort()
		s.ln.Close()
	})()
	if listens, err := s.cfg.Pod.Listening(s.cfg.Port); err == nil && !listens {
		s.cfg.Warn(fmt.Sprintf("nothing listens on port %d in the pod", s.cfg.Port))
	}
	var wg sync.WaitGroup
	err := s.accept(ctx, &wg)
	if err != nil { // callers must not be sent where nobody answers
		s.Abort()
	}
	wg.Wait()
	return errors.Join(err, s.Stop(), s.undo())
}

// accept serves connections in wg until the listener ends.
func (s *Steal) accept(ctx context.Context, wg *sync.WaitGroup) error {
	defer s.ln.Close()
	for {
		leave := s.room()
		conn, err := s.ln.AcceptTCP()
		switch {
		case err == nil:
			wg.Go(func() {
				defer leave()
				s.serve(ctx, conn)
			})
			continue
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
			return nil
		case !isTemporary(err):
			return err
		}
		leave()
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// room waits for room for a connection. After Stop there is enough: who still
// comes has waited in the kernel, and would be reset with the listener.
func (s *Steal) room() (leave func()) {
	select {
	case s.roomc <- struct{}{}:
		return func() { <-s.roomc }
	case <-s.drainc:
		return func() {}
	}
}

// Stop lets new connections go to the app, as they did before. Those that are
// stolen go on, filtered ones to the end of what is under way in them. It
// returns when nothing is stolen any more.
func (s *Steal) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return s.stopErr
	}
	s.stopped = true
	if s.stopErr = s.redirect.Stop(); s.stopErr != nil {
		s.stopErr = errors.Join(s.stopErr, s.redirect.Close()) // rather no connection than one to nobody
	}
	s.stopErr = errors.Join(s.stopErr, s.claim.Yield()) // connections under way keep nobody from the port
	close(s.drainc)
	s.ln.SetDeadline(time.Now().Add(lateTime))
	return s.stopErr
}

// Abort is Stop that resets what the client has. Connections that went to the
// app go on.
func (s *Steal) Abort() {
	s.Stop()
	s.clients.abort()
}

// Note is what was counted until now.
func (s *Steal) Note() wire.Note { return s.note() }

// isTemporary tells that accept may work again.
func isTemporary(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
