package session

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// rawPeer is the other end of a Session: it greets as it should, and then sends
// whatever the test says.
type rawPeer struct {
	t     testing.TB
	s     *Session // the session at the other end
	role  wire.Role
	link  net.Conn
	hello wire.Hello // the session's
	buf   []byte     // read and not parsed

	mu     sync.Mutex
	frames []wire.Frame // guarded by mu: all that the session sent
	err    error        // guarded by mu: how the link ended
}

// newRawPeer makes a session of cfg with a raw peer of the given role. The peer
// announces 1 MiB windows, 64 MiB of memory and 16384 streams. It reads
// nothing before listen.
func newRawPeer(t testing.TB, role wire.Role, cfg Config, ours, theirs net.Conn) *rawPeer {
	t.Helper()
	p := &rawPeer{t: t, role: role, link: theirs}
	cfg.Key, cfg.Peer = testKey, testPublic
	errc := make(chan error, 1)
	go func() {
		var err error
		if role == wire.RoleClient {
			p.s, err = Agent(context.Background(), ours, cfg)
		} else {
			p.s, err = Client(context.Background(), ours, cfg)
		}
		errc <- err
	}()
	p.hello = rawGreet(t, role, theirs)
	require.NoError(t, <-errc)
	t.Cleanup(func() {
		theirs.Close()
		p.s.Close()
	})
	return p
}

// rawGreet greets as a peer of the given role.
func rawGreet(t testing.TB, role wire.Role, link net.Conn) (peer wire.Hello) {
	own := wire.Hello{Role: role, Streams: 16384, Window: wire.MinWindow, Memory: 64 << 20, Build: "raw"}
	var err error
	if role == wire.RoleClient {
		var raw []byte
		peer, raw, err = readHello(link, wire.RoleAgent)
		require.NoError(t, err)
		own.Auth = ed25519.Sign(testKey, wire.SignedBytes(raw))
		_, err = link.Write(own.Append(nil))
	} else {
		id := wire.KeyID(testPublic)
		own.Auth = append(make([]byte, wire.NonceLen), id[:]...)
		_, err = link.Write(own.Append(nil))
		require.NoError(t, err)
		peer, _, err = readHello(link, wire.RoleClient)
	}
	require.NoError(t, err)
	return peer
}

// memPeer is a listening rawPeer over a link in memory.
func memPeer(t testing.TB, role wire.Role, cfg Config) *rawPeer {
	ours, theirs := memPair(0, 0)
	p := newRawPeer(t, role, cfg, ours, theirs)
	p.listen()
	return p
}

// listen begins to collect what the session sends.
func (p *rawPeer) listen() {
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := p.link.Read(b)
			p.buf = append(p.buf, b[:n]...)
			p.mu.Lock()
			for {
				f, n, err := wire.Parse(p.buf)
				if errors.Is(err, wire.ErrShort) {
					break
				}
				if !assert.NoError(p.t, err) {
					break
				}
				if data, ok := f.(wire.Data); ok {
					data.Payload = bytes.Clone(data.Payload)
					f = data
				}
				p.frames = append(p.frames, f)
				p.buf = p.buf[n:]
			}
			p.err = err
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// take reads n bytes, before listen.
func (p *rawPeer) take(n int) {
	p.buf = make([]byte, n)
	_, err := io.ReadFull(p.link, p.buf)
	require.NoError(p.t, err)
}

// own is the peer's nth stream, from 0; theirs the session's.
func (p *rawPeer) own(n int) uint32 {
	if p.role == wire.RoleClient {
		return uint32(1 + 2*n)
	}
	return uint32(2 + 2*n)
}

func (p *rawPeer) theirs(n int) uint32 {
	if p.role == wire.RoleClient {
		return uint32(2 + 2*n)
	}
	return uint32(1 + 2*n)
}

// send sends frames; the session may end meanwhile.
func (p *rawPeer) send(frames ...wire.Frame) {
	var b []byte
	for _, f := range frames {
		b = f.Append(b)
	}
	p.link.Write(b)
}

// open opens the peer's nth stream.
func (p *rawPeer) open(n int) {
	p.send(wire.Open{Stream: p.own(n), Kind: wire.KindTCP, Address: "a:1"})
}

// sendData sends n bytes on a stream.
func (p *rawPeer) sendData(stream uint32, n int) {
	for n > 0 {
		size := min(n, wire.MaxPayload)
		p.send(wire.Data{Stream: stream, Payload: make([]byte, size)})
		n -= size
	}
}

// sent returns the frames of type F that the session has sent.
func sent[F wire.Frame](p *rawPeer) (frames []F) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.frames {
		if f, ok := f.(F); ok {
			frames = append(frames, f)
		}
	}
	return frames
}

// goneAway is the code of the session's GOAWAY.
func (p *rawPeer) goneAway() wire.Code {
	p.t.Helper()
	frames := sent[wire.GoAway](p)
	require.NotEmpty(p.t, frames, "no GOAWAY")
	return frames[len(frames)-1].Code
}

// bothRoles runs f with the raw peer in either role.
func bothRoles(t *testing.T, f func(t *testing.T, role wire.Role)) {
	t.Run("client", func(t *testing.T) { f(t, wire.RoleClient) })
	t.Run("agent", func(t *testing.T) { f(t, wire.RoleAgent) })
}

// assertLost asserts that a stream ends as a session's end demands: with a
// *net.OpError around the session's *Error, like a reset connection, and never
// with io.EOF.
func assertLost(t testing.TB, st *Stream, code wire.Code) {
	t.Helper()
	_, rerr := io.Copy(io.Discard, st)
	_, werr := st.Write([]byte("x"))
	for _, err := range []error{rerr, werr, st.CloseWrite()} {
		var op *net.OpError
		var end *Error
		if assert.ErrorAs(t, err, &op) && assert.ErrorAs(t, err, &end) {
			assert.Equal(t, code, end.Code, end)
			assert.ErrorIs(t, err, syscall.ECONNRESET)
			assert.NotErrorIs(t, err, io.EOF)
		}
	}
}

// counts is what a session counts of bytes.
type counts struct{ outstanding, held, unsaid int }

func countsOf(s *Session) counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return counts{s.outstanding, s.held, s.unsaid}
}

// assertAllRead asserts that receiver has read all that sender sent, and that
// they agree on what the receiver has not reported yet.
func assertAllRead(t testing.TB, sender, receiver *Session) {
	t.Helper()
	assert.Zero(t, countsOf(receiver).held)
	assert.Equal(t, countsOf(receiver).unsaid, countsOf(sender).outstanding)
}

// assertSettled asserts that each session is balanced when all has been said.
func assertSettled(t testing.TB, sessions ...*Session) {
	t.Helper()
	time.Sleep(time.Second)
	for _, s := range sessions {
		assertBalanced(t, s)
	}
}

// assertBalanced asserts that a session with no streams owes and holds nothing.
func assertBalanced(t testing.TB, s *Session) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.NoError(t, s.err)
	assert.Empty(t, s.streams, "streams")
	assert.Empty(t, s.backlog, "backlog")
	for name, n := range map[string]int{
		"ownOpen": s.ownOpen, "peerOpen": s.peerOpen, "outstanding": s.outstanding,
		"held": s.held, "unsaid": s.unsaid, "control": len(s.control),
		"notices": s.notices.len(), "ready": s.ready.len(), "starved": s.starved.len(),
	} {
		assert.Zero(t, n, name)
	}
}
