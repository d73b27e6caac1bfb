package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

func TestStreamsOverTheLimitAreRefused(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{Streams: 10})
			assert.EqualValues(t, 10, p.hello.Streams)
			for n := range 12 {
				p.open(n)
				p.sendData(p.own(n), 1)
			}
			synctest.Wait()
			require.NoError(t, p.s.Err())
			resets := sent[wire.Reset](p)
			require.Len(t, resets, 2)
			assert.Equal(t, wire.TooManyStreams, resets[0].Code)
			assert.Equal(t, p.own(10), resets[0].Stream)
			assert.Equal(t, 10, p.s.Streams())

			// A place is free again when the application has closed.
			st, err := p.s.Accept(context.Background())
			require.NoError(t, err)
			st.Close()
			synctest.Wait()
			p.open(12)
			synctest.Wait()
			assert.Len(t, sent[wire.Reset](p), 3)
			assert.Equal(t, 10, p.s.Streams())
		})
	})
}

func TestStreamsOverTheBacklogAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		for n := range wire.MaxBacklog + 3 {
			p.open(n)
		}
		synctest.Wait()
		require.NoError(t, p.s.Err())
		resets := sent[wire.Reset](p)
		require.Len(t, resets, 3)
		assert.Equal(t, wire.TooManyStreams, resets[0].Code)
		assert.Equal(t, wire.MaxBacklog, p.s.Streams())
	})
}

// A flood of OPEN and RESET keeps its places until the application has seen
// each, so the work and memory it causes are bounded.
func TestOpenAndResetKeepsItsPlace(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{Streams: 100})
			var flood []wire.Frame
			for n := range 20000 {
				flood = append(flood, wire.Open{Stream: p.own(n), Kind: wire.KindTCP}, wire.Reset{Stream: p.own(n)})
			}
			p.send(flood...)
			synctest.Wait()
			require.NoError(t, p.s.Err())
			assert.Len(t, sent[wire.Reset](p), 19900)
			assert.Equal(t, 100, p.s.peerOpen)
			assert.Len(t, p.s.backlog, 100)
			for range 100 {
				st, err := p.s.Accept(context.Background())
				require.NoError(t, err)
				st.Accept("")
				st.Close()
			}
			synctest.Wait()
			assert.Empty(t, sent[wire.Accept](p))
			assertBalanced(t, p.s)
		})
	})
}

// A stream that was reset by the peer while the application works on it keeps
// its place too: the agent's dial may still be under way.
func TestResetStreamKeepsItsPlaceUntilClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{Streams: 1})
		p.open(0)
		st, err := p.s.Accept(context.Background())
		require.NoError(t, err)
		p.send(wire.Reset{Stream: p.own(0)})
		synctest.Wait()
		assert.Zero(t, p.s.Streams())
		p.open(1)
		synctest.Wait()
		assert.Len(t, sent[wire.Reset](p), 1)
		st.Close()
		p.open(2)
		synctest.Wait()
		assert.Len(t, sent[wire.Reset](p), 1)
		assert.Equal(t, 1, p.s.Streams())
	})
}

func TestOpenOverThePeersLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(0), Config{}, Config{Streams: 3})
		var last *Stream
		for range 3 {
			last, _ = streamPair(t, client, agent)
		}
		_, err := client.Open(wire.KindTCP, "")
		assert.ErrorIs(t, err, ErrTooManyStreams)
		last.Close()
		synctest.Wait()
		_, err = client.Open(wire.KindTCP, "")
		assert.NoError(t, err)
	})
}

func TestUnreadAnswersAreAFlood(t *testing.T) {
	floods := map[string]func(p *rawPeer, n int) wire.Frame{
		"PING":         func(*rawPeer, int) wire.Frame { return wire.Ping{} },
		"refused OPEN": func(p *rawPeer, n int) wire.Frame { return wire.Open{Stream: p.own(n), Kind: wire.KindTCP} },
	}
	for name, frame := range floods {
		t.Run(name, func(t *testing.T) {
			bothRoles(t, func(t *testing.T, role wire.Role) {
				synctest.Test(t, func(t *testing.T) { testFlood(t, role, frame) })
			})
		})
	}
}

func testFlood(t *testing.T, role wire.Role, frame func(p *rawPeer, n int) wire.Frame) {
	ours, theirs := memPair(0, 1)
	theirs.out.room = 0
	p := newRawPeer(t, role, Config{Streams: 1}, ours, theirs)
	st, err := p.s.Open(wire.KindTCP, "")
	require.NoError(t, err)
	synctest.Wait()
	for n := 0; p.s.Err() == nil; n += 1000 {
		require.Less(t, n, 100_000)
		require.LessOrEqual(t, ctrlLen(p.s), wire.MaxControl+wire.HeaderLen+wire.MaxText)
		frames := make([]wire.Frame, 1000)
		for i := range frames {
			frames[i] = frame(p, n+i)
		}
		p.send(frames...)
		synctest.Wait()
	}
	begin := time.Now()
	assertLost(t, st, wire.Flood)
	p.listen() // who reads at last hears why
	p.s.Close()
	synctest.Wait()
	assert.LessOrEqual(t, time.Since(begin), flushTime)
	assert.Equal(t, wire.Flood, p.goneAway())
}

func ctrlLen(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.control)
}

// What our own application does while the link is slow is no flood: 4096 OPENs
// with long addresses, and single bytes read when each is reported at once.
func TestOwnFramesAreNoFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memPair(0, 1)
		theirs.out.room = 0
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		p.open(0)
		p.sendData(p.own(0), wire.MinWindow)
		p.send(wire.Data{Stream: p.own(0), FIN: true})
		synctest.Wait() // the writer is stuck from here on

		address := string(make([]byte, wire.MaxAddress))
		for range 4096 {
			_, err := p.s.Open(wire.KindTCP, address)
			require.NoError(t, err)
		}
		st, err := p.s.Accept(context.Background())
		require.NoError(t, err)
		st.Accept("")
		one := make([]byte, 1)
		for range 100_000 {
			_, err := st.Read(one)
			require.NoError(t, err)
		}
		require.NoError(t, p.s.Err())

		p.listen()
		synctest.Wait()
		require.NoError(t, p.s.Err())
		opens := sent[wire.Open](p)
		require.Len(t, opens, 4096)
		for n, f := range opens {
			require.Equal(t, p.theirs(n), f.Stream)
		}
		total := 0
		for _, f := range sent[wire.Credit](p) {
			total += int(f.Consumed)
		}
		assert.Equal(t, 100_000, total)
		assert.Less(t, len(sent[wire.Credit](p)), 4)
	})
}
