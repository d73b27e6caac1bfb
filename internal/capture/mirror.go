package capture

import (
	"context"
	"net/netip"
	"sync"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/pkg/wire"
)

const (
	// maxMirrored is how many connections are copied at once; others count as
	// lost.
	maxMirrored = 8192
	// maxHeld is how many bytes wait for the client in all copies together. One
	// may hold as much as all leave free, thus half of it when it is alone.
	maxHeld = 16 << 20
	// maxOpening is how many streams wait for the client to accept them. A
	// client has room for wire.MaxBacklog of a session, which may have several
	// captures.
	maxOpening = wire.MaxBacklog / 4
)

// Sink takes what one caller sends. It never blocks.
type Sink interface {
	// Write copies b.
	Write(b []byte)
	// End is the end of the data: nil for FIN, ECONNRESET for RST,
	// net.ErrClosed when the tap has ended, anything else when bytes are
	// missing.
	End(err error)
}

// Tap gives what callers send to sinks, from one goroutine.
type Tap interface {
	// Run returns when ctx has ended.
	Run(ctx context.Context) error
	// Dropped is how many packets it has not seen.
	Dropped() uint64
	// Orphans is how many connections have no sink because it has not seen
	// them begin.
	Orphans() uint64
}

// MirrorConfig says what is copied, and for whom.
type MirrorConfig struct {
	Port   uint16
	Filter *httpfilter.Filter // nil: every connection, whatever is in it
	Open   Open
	// Tap begins to collect what is sent to the port.
	Tap func(port uint16, begin func(caller, local netip.AddrPort) Sink) (Tap, error)
}

// Mirror is copies of connections that come to a client while the app answers
// them. A client that is slow loses copies; nothing waits for it.
type Mirror struct {
	cfg     MirrorConfig
	tap     Tap
	streams group
	openc   chan struct{} // holds one per stream that waits to be accepted
	endc    chan struct{} // closed when Run is to return
	held    held
	wg      sync.WaitGroup // of copies
	counts

	mu      sync.Mutex
	ctx     context.Context        // guarded by mu; of the copies, set by Run
	copies  map[*mirrored]struct{} // guarded by mu
	stopped bool                   // guarded by mu: no copy begins any more
	over    bool                   // guarded by mu: endc is closed
}

// NewMirror taps the port: nothing that is sent after it has returned is
// missed.
func NewMirror(cfg MirrorConfig) (*Mirror, error) {
	m := &Mirror{
		cfg:    cfg,
		openc:  make(chan struct{}, maxOpening),
		endc:   make(chan struct{}),
		copies: make(map[*mirrored]struct{}),
		held:   held{max: maxHeld},
	}
	var err error
	m.tap, err = cfg.Tap(cfg.Port, m.begin)
	return m, err
}

// Run copies until Stop was called and the last copy has ended, Abort was
// called, or ctx ends.
func (m *Mirror) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.mu.Lock()
	m.ctx = ctx
	m.mu.Unlock()
	m.wg.Go(func() {
		select {
		case <-m.endc:
			cancel()
		case <-ctx.Done():
		}
	})
	err := m.tap.Run(ctx)
	cancel()
	m.Abort()
	m.wg.Wait()
	return err
}

// begin is called by the tap for each connection.
func (m *Mirror) begin(caller, local netip.AddrPort) Sink {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return nobody{}
	}
	if m.cfg.Filter == nil {
		m.connections.Add(1)
	}
	if len(m.copies) >= maxMirrored {
		m.lost.Add(1)
		return nobody{}
	}
	c := &mirrored{m: m, caller: unmapped(caller), local: unmapped(local)}
	c.changed.L = &c.mu
	m.copies[c] = struct{}{}
	ctx := m.ctx
	m.wg.Go(func() {
		defer m.end(c)
		c.run(ctx)
	})
	return c
}

// end forgets a copy.
func (m *Mirror) end(c *mirrored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.copies, c)
	m.settle()
}

// settle ends Run if there is nothing left to do. Called with mu held.
func (m *Mirror) settle() {
	if m.stopped && len(m.copies) == 0 && !m.over {
		m.over = true
		close(m.endc)
	}
}

// Stop begins no more copies; those that have begun go on.
func (m *Mirror) Stop() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	m.settle()
	return nil
}

// Abort is Stop that ends the copies, too.
func (m *Mirror) Abort() {
	m.Stop()
	m.streams.abort()
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.copies {
		c.abandon(errOver)
	}
}

// Note is what was counted until now.
func (m *Mirror) Note() wire.Note {
	n := m.note()
	n.Dropped = m.tap.Dropped()
	orphans := m.tap.Orphans()
	n.Lost += orphans
	if m.cfg.Filter == nil { // else those are counted of which something matches
		n.Connections += orphans
	}
	return n
}

// nobody is the sink for what is not copied.
type nobody struct{}

func (nobody) Write([]byte) {}
func (nobody) End(error)    {}
