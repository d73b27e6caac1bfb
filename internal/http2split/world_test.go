package http2split

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/wire"
	"github.com/stretchr/testify/require"
)

// patience is how long anything may take that has to happen.
const patience = 20 * time.Second

// world is an app and a client that listen, and a port where what reaches it is
// split between them: requests with the field "x-to: client" are the client's.
type world struct {
	t           *testing.T
	cfg         Config
	app, client net.Listener
	front       net.Listener
	matched     atomic.Int64
	errc        chan error // gets what each Split returns

	mu      sync.Mutex
	toApp   bytes.Buffer // guarded by mu; what was written to the app
	clients int          // guarded by mu; connections to the client
}

func listen(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln
}

func dial(addr net.Addr) (relay.Conn, error) {
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		return nil, err
	}
	return relay.TCP{TCPConn: conn.(*net.TCPConn)}, nil
}

// recorded remembers what is written.
type recorded struct {
	relay.Conn
	w *world
}

func (r recorded) Write(b []byte) (int, error) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.toApp.Write(b)
	return r.Conn.Write(b)
}

// toClient is the filter of a world.
func toClient(t *testing.T) *httpfilter.Filter {
	f, err := httpfilter.Compile(&wire.Filter{Header: &wire.HeaderFilter{Name: "x-to", Value: "^client$"}})
	require.NoError(t, err)
	return f
}

// newWorld makes a world in which change has changed what Split is told.
func newWorld(t *testing.T, change ...func(*Config)) *world {
	w := &world{t: t, app: listen(t), client: listen(t), front: listen(t), errc: make(chan error, 1000)}
	w.cfg = Config{
		Filter: toClient(t),
		App: func() (relay.Conn, error) {
			conn, err := dial(w.app.Addr())
			return recorded{conn, w}, err
		},
		Client: func() (relay.Conn, error) {
			w.mu.Lock()
			w.clients++
			w.mu.Unlock()
			return dial(w.client.Addr())
		},
		Matched: func() { w.matched.Add(1) },
	}
	for _, f := range change {
		f(&w.cfg)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := w.front.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.errc <- Split(relay.TCP{TCPConn: conn.(*net.TCPConn)}, w.cfg) })
		}
	})
	t.Cleanup(func() {
		w.front.Close()
		donec := make(chan struct{})
		go func() { wg.Wait(); close(donec) }()
		select {
		case <-donec:
		case <-time.After(patience):
			panic("Split has not returned")
		}
		for t.Failed() && len(w.errc) > 0 {
			t.Log("a Split has returned", <-w.errc)
		}
	})
	return w
}

// result is what a Split has returned.
func (w *world) result() error {
	select {
	case err := <-w.errc:
		return err
	case <-time.After(patience):
		return errors.New("Split has not returned")
	}
}

func (w *world) recorded() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.toApp.Bytes())
}

var addr = netip.MustParseAddrPort
