package agent

import (
	"net"
	"slices"
	"sync"
)

// lobby holds the peers that have connected and not yet proved who they are.
// Anything in the pod can connect, so there is room for a few only. Whoever
// comes when it is full takes the place of the one that has waited longest: a
// client proves itself within a round trip, so those who say nothing cannot
// keep it out.
type lobby struct {
	mu    sync.Mutex
	peers []net.Conn // guarded by mu; in the order of their coming
}

// lobbySize is how many peers may wait at a time.
const lobbySize = 64

// enter lets conn in and closes the connection whose place it takes.
func (l *lobby) enter(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.peers) == lobbySize {
		l.peers[0].Close()
		l.peers = slices.Delete(l.peers, 0, 1)
	}
	l.peers = append(l.peers, conn)
}

// leave takes conn out, wherever it goes from here.
func (l *lobby) leave(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.peers, conn); i >= 0 {
		l.peers = slices.Delete(l.peers, i, i+1)
	}
}
