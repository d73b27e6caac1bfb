package capture

import (
	"sync"

	"github.com/fwdtools/fwd/internal/relay"
)

// group is connections that can be aborted together. The zero value is an
// empty one.
type group struct {
	mu    sync.Mutex
	conns map[relay.Conn]struct{} // guarded by mu; nil once the group is over or before the first add
	over  bool                    // guarded by mu
}

// add takes c in, or says that the group is over.
func (g *group) add(c relay.Conn) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return errOver
	}
	if g.conns == nil {
		g.conns = make(map[relay.Conn]struct{})
	}
	g.conns[c] = struct{}{}
	return nil
}

func (g *group) remove(c relay.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

// abort aborts all, and takes no more in.
func (g *group) abort() {
	g.mu.Lock()
	conns := g.conns
	g.conns, g.over = nil, true
	g.mu.Unlock()
	for c := range conns {
		c.Abort(nil)
	}
}

// member is a stream that leaves its group when it ends here.
type member struct {
	Stream
	group *group
}

func (m *member) Close() error {
	m.group.remove(m)
	return m.Stream.Close()
}

func (m *member) Abort(err error) {
	m.group.remove(m)
	m.Stream.Abort(err)
}
