package agent

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// strangers bounds how often peers of one address may fail to prove who they
// are. Those that come after that are closed before anything is read of them,
// while the API server, which clients come by, has an address of its own.
type strangers struct {
	mu     sync.Mutex
	byAddr map[netip.Addr]*rate.Limiter // guarded by mu; of those that have failed
}

const (
	// strangerRate is how many failures a second one address may have for long,
	// and strangerBurst how many at once.
	strangerRate, strangerBurst = 10, 64
	// strangerAddrs bounds how many addresses are remembered.
	strangerAddrs = 1024
)

// admits reports whether a peer may try.
func (s *strangers) admits(peer net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.byAddr[addrOf(peer)]
	return l == nil || l.Tokens() >= 1
}

// failed counts a peer that could not prove who it is.
func (s *strangers) failed(peer net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	addr := addrOf(peer)
	l := s.byAddr[addr]
	if l == nil {
		if s.byAddr == nil || len(s.byAddr) == strangerAddrs {
			s.byAddr = make(map[netip.Addr]*rate.Limiter) // who has many addresses is not bounded by them
		}
		l = rate.NewLimiter(strangerRate, strangerBurst)
		s.byAddr[addr] = l
	}
	l.Allow()
}

func addrOf(peer net.Addr) netip.Addr {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
