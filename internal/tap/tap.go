//go:build linux

package tap

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Flow is a caller's connection.
type Flow struct {
	Caller, Local netip.AddrPort
	Joined        bool // copied from a request on, of a connection that existed before the tap
}

// Sink takes the copy of one Flow. It is called from Run's goroutine, so it
// must not block.
type Sink interface {
	// Write gets what the caller sent, in order. It must not keep b.
	Write(b []byte)
	// End comes last: nil after the caller's FIN, ECONNRESET where either side
	// has broken off or vanished, ErrLost where bytes are missing, net.ErrClosed
	// with the tap.
	End(err error)
}

// Config is what to copy. Packets that internal/nft has marked are not copied:
// they come again from who steals.
type Config struct {
	Port uint16
	New  func(Flow) Sink // called as Sink is; nil for a flow that nobody wants
}

// Stats counts from Open on.
type Stats struct {
	Packets     uint64 // of the port, seen
	Dropped     uint64 // not seen: no room in the ring, or fragments
	Connections uint64 // that began or were joined
	Lost        uint64 // of these, with bytes missing
	Orphans     uint64 // of the lost, without a sink: their beginning was dropped
}

// Tap is an open tap.
type Tap struct {
	port  uint16
	sock  *socket
	flows *flows
	once  sync.Once // for close

	mu    sync.Mutex
	stats Stats // guarded by mu; Run has its own and hands it over
}

// tick is how often Run looks at clocks and counters when nothing comes.
const tick = 100 * time.Millisecond

// Open begins to collect packets: nothing that comes from here on is missed.
// Without NET_RAW the error is fs.ErrPermission. The calling thread's network
// namespace is meant. Run or Close frees the tap.
func Open(cfg Config) (*Tap, error) {
	sock, err := listen(filter(cfg.Port))
	if err != nil {
		return nil, err
	}
	// Only now, so that there is no connection that neither begins in the ring
	// nor is in this list.
	peers, err := openPeers()
	if err != nil {
		sock.close()
		return nil, err
	}
	t := &Tap{port: cfg.Port, sock: sock, flows: newFlows(cfg.New, peers)}
	if err := t.flows.recall(); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Run copies until ctx ends, and closes the tap.
func (t *Tap) Run(ctx context.Context) error {
	defer t.Close()
	defer t.flows.close()
	for ctx.Err() == nil {
		err := t.sock.wait(time.Now().Add(tick))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := t.read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// read takes what is in the ring.
func (t *Tap) read(ctx context.Context) error {
	for {
		// Before the block, so that a gap in it is known to be of the tap's
		// own making.
		dropped, err := t.sock.dropped()
		if err != nil {
			return err
		}
		t.flows.turn(time.Now(), dropped)
		t.mu.Lock()
		t.stats = t.flows.stats
		t.mu.Unlock()
		if !t.sock.ready() || ctx.Err() != nil {
			return nil
		}
		if err := t.sock.block(func(r raw) { t.flows.take(r, t.port) }); err != nil {
			return err
		}
	}
}

// Stats may be called at any time, also after Run. It is at most 100 ms old
// while Run keeps up.
func (t *Tap) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// Close frees a tap that is not run.
func (t *Tap) Close() error {
	t.once.Do(func() {
		t.sock.close()
		t.flows.peers.close()
	})
	return nil
}
