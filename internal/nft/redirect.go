//go:build linux

package nft

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/nftables"
)

// Config says what goes where.
type Config struct {
	Port  uint16 // that callers call
	To    uint16 // where they get instead: a listener for any address, IPv4 and IPv6
	Order int    // among those of the same port: 0 is asked first
}

// Redirect is callers of a port who get to another one.
//
// Its methods may be called from any goroutine, and again.
type Redirect struct {
	chains []*nftables.Chain // with the rules that redirect

	mu      sync.Mutex
	conn    *conn // nil after Close; guarded by mu
	stopped bool  // guarded by mu
}

// New redirects new connections to any address of this network namespace, also
// those from inside. It fails with an error that is fs.ErrPermission without
// NET_ADMIN, and errors.ErrUnsupported where the kernel lacks what it needs.
func New(cfg Config) (*Redirect, error) {
	if cfg.Order < 0 || cfg.Order > MaxOrder {
		return nil, fmt.Errorf("redirect port %d: order %d is not within 0 and %d", cfg.Port, cfg.Order, MaxOrder)
	}
	r, err := redirect(cfg)
	if err != nil {
		return nil, fmt.Errorf("redirect port %d: %w", cfg.Port, err)
	}
	return r, nil
}

func redirect(cfg Config) (*Redirect, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	table := &nftables.Table{Name: fmt.Sprintf("fwd-%d-%d", cfg.Port, cfg.Order), Family: nftables.TableFamilyINet}
	if err := c.create(table, owner); err != nil {
		c.close()
		return nil, err
	}
	r := &Redirect{conn: c, chains: chains(table, cfg.Order)}
	for _, chain := range r.chains {
		c.AddChain(chain)
		for _, rule := range rules(chain, cfg) {
			c.AddRule(rule)
		}
	}
	c.AddRule(keepTracking(c.AddChain(tracking(table))))
	if err := c.Flush(); err != nil { // all of it or nothing
		return nil, errors.Join(explain(err), r.Close())
	}
	return r, nil
}

// Stop lets new connections go where they would without it. Those that are
// redirected go on.
func (r *Redirect) Stop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.conn == nil {
		return nil
	}
	for _, chain := range r.chains {
		r.conn.FlushChain(chain)
	}
	if err := r.conn.Flush(); err != nil {
		return fmt.Errorf("stop the redirect: %w", err)
	}
	r.stopped = true
	return nil
}

// Close removes the table. Connections that are still redirected get to the app
// in the middle, which resets them.
func (r *Redirect) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return nil
	}
	r.conn.DelTable(r.chains[0].Table)
	err := r.conn.Flush()
	if cerr := r.conn.close(); err == nil {
		err = cerr
	}
	r.conn = nil
	if err != nil {
		return fmt.Errorf("remove the redirect: %w", err)
	}
	return nil
}
