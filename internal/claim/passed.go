//go:build linux

package claim

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// behindTime bounds how long Behind asks others.
const behindTime = 500 * time.Millisecond

// Passed remembers that our socket with the address local was opened for
// caller, for the next claim to ask, until forget is called. It is called as
// soon as the address is known.
func (c *Claim) Passed(local, caller netip.AddrPort) (forget func()) {
	local = plain(local)
	p := &passage{plain(caller)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed[local] = p
	close(c.newc)
	c.newc = make(chan struct{})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.passed[local] == p { // and not a later one with the same address
			delete(c.passed, local)
		}
	}
}

// Behind asks the claims that came before for whom they opened the socket with
// this address. A claim that says nothing holds it up for half a second.
func (c *Claim) Behind(addr netip.AddrPort) (netip.AddrPort, bool) {
	addr = plain(addr)
	if c.order == 0 || !ours(addr.Addr()) {
		return netip.AddrPort{}, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), behindTime)
	var (
		wg     sync.WaitGroup
		once   sync.Once
		caller netip.AddrPort
	)
	for o := range c.order {
		wg.Go(func() {
			var a answer
			if err := ask(ctx, orderName(c.port, o), question{Behind: &addr}, &a); err == nil && a.Caller != nil && a.Caller.IsValid() {
				once.Do(func() { caller = plain(*a.Caller) })
				cancel()
			}
		})
	}
	wg.Wait()
	cancel()
	return caller, caller.IsValid()
}

// ours tells whether an address is of this network namespace, as that of a
// socket that was opened here is.
func ours(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == addr {
				return true
			}
		}
	}
	return false
}

// plain is the one form of an address that has several.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
