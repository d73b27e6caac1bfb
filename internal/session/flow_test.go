package session

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// fill writes until the stream takes no more, in the background; the result
// says when all n bytes were taken.
func fill(st *Stream, n int) (donec <-chan struct{}) {
	c := make(chan struct{})
	go func() {
		defer close(c)
		b := make([]byte, 64<<10)
		for n > 0 {
			m, err := st.Write(b[:min(n, len(b))])
			if err != nil {
				return
			}
			n -= m
		}
	}()
	return c
}

func TestUnreadStreamStallsOnlyItself(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		stuck, unread := streamPair(t, client, agent)
		stuckc := fill(stuck, 4<<20)
		for range 3 {
			st1, st2 := streamPair(t, client, agent)
			donec := fill(st1, 8<<20)
			readN(t, st2, 8<<20)
			<-donec
		}
		select {
		case <-stuckc:
			t.Error("a stream took 4 MiB that nobody reads")
		default:
		}
		assert.Equal(t, wire.MinWindow, countsOf(agent).held)
		readN(t, unread, 4<<20)
		<-stuckc
	})
}

// The window grows within a few round trips if it is what limits.
func TestWindowGrowsToTheDelay(t *testing.T) {
	const rtt = 40 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(rtt/2), Config{}, Config{})
		time.Sleep(rtt) // the first ping has measured it
		st1, st2 := streamPair(t, client, agent)
		go io.Copy(io.Discard, st2)
		begin := time.Now()
		fill(st1, 1<<30)
		trips := 0
		for st1.windowNow() < wire.MaxWindow {
			time.Sleep(rtt)
			synctest.Wait()
			trips++
			t.Logf("after %d round trips: window %d MiB", trips, st1.windowNow()>>20)
			require.Less(t, trips, 20)
		}
		assert.LessOrEqual(t, trips, 4, "%v", time.Since(begin))
		assert.Equal(t, rtt, agent.rtt)
	})
}

// What was held up somewhere comes at once then. That is no reason for a wider
// window, which would only let more be held up.
func TestWindowDoesNotGrowByWhatWasHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(time.Millisecond), Config{}, Config{})
		time.Sleep(time.Second) // the first pings have measured it
		st1, st2 := streamPair(t, client, agent)
		fill(st1, 1<<30)
		for range 100 {
			time.Sleep(100 * time.Millisecond) // a window comes
			readN(t, st2, wire.MinWindow)
		}
		assert.Equal(t, wire.MinWindow, st1.windowNow())
	})
}

// While somebody exchanges small amounts, what one bulk stream has on the way is
// no more than the round trip needs. It is more again afterwards.
func TestWindowIsLeanWhileOthersAreInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(500*time.Microsecond), Config{}, Config{})
		time.Sleep(time.Second) // the first pings have measured it
		st1, st2 := streamPair(t, client, agent)
		quick, answers := streamPair(t, client, agent)
		sent := fill(st1, 300<<20)
		go func() {
			for { // 128 MB/s, which is what bounds
				if _, err := io.ReadFull(st2, make([]byte, 128<<10)); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		waiting := func() int {
			synctest.Wait()
			return countsOf(agent).held
		}
		time.Sleep(500 * time.Millisecond)
		wide := st1.windowNow()
		require.GreaterOrEqual(t, wide, 1<<20)
		require.Greater(t, waiting(), wide/2)
		for range 20 {
			write(t, quick, "x")
			readN(t, answers, 1)
			time.Sleep(10 * time.Millisecond)
		}
		for range 20 {
			write(t, quick, "x")
			readN(t, answers, 1)
			time.Sleep(10 * time.Millisecond)
			require.LessOrEqual(t, waiting(), firstLean)
		}
		time.Sleep(hurry + 100*time.Millisecond)
		assert.Greater(t, waiting(), wide/2)
		<-sent
		require.NoError(t, st1.CloseWrite())
		_, err := io.Copy(io.Discard, st2)
		require.NoError(t, err)
		quick.Close()
		answers.Close()
		st1.Close()
		st2.Close()
		assertSettled(t, client, agent)
	})
}

// One answer is no exchange: the next bulk stream has its whole window.
func TestWindowIsNotLeanAfterOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(500*time.Microsecond), Config{}, Config{})
		quick, answers := streamPair(t, client, agent)
		write(t, quick, "x")
		readN(t, answers, 1)
		st1, st2 := streamPair(t, client, agent)
		fill(st1, 16<<20)
		readN(t, st2, wire.MinWindow/2)
		synctest.Wait()
		agent.mu.Lock()
		assert.Zero(t, st2.kept)
		agent.mu.Unlock()
		write(t, quick, "x")
		readN(t, answers, 1)
		readN(t, st2, wire.MinWindow/2)
		agent.mu.Lock()
		assert.NotZero(t, st2.kept)
		agent.mu.Unlock()
	})
}

// A path that holds much gets it also if somebody is in a hurry all the time.
func TestLeanWindowGrowsToTheDelay(t *testing.T) {
	const rtt = 40 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(rtt/2), Config{}, Config{})
		time.Sleep(time.Second) // the first pings have measured it
		st1, st2 := streamPair(t, client, agent)
		quick, answers := streamPair(t, client, agent)
		exchange := func() {
			write(t, quick, "x")
			readN(t, answers, 1)
		}
		exchange()
		fill(st1, 1<<30)
		got := 0
		go func() {
			b := make([]byte, 64<<10)
			for {
				n, err := st2.Read(b)
				if got += n; err != nil {
					return
				}
			}
		}()
		for range 50 {
			exchange()
		}
		before := got
		for range 50 {
			exchange()
		}
		t.Logf("%d KiB in a round trip", (got-before)/50>>10)
		assert.Greater(t, got-before, 50*wire.MaxWindow/4)
	})
}

func (st *Stream) windowNow() int {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	return st.window
}

func TestWindowDoesNotGrowForASlowReader(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		time.Sleep(time.Second)
		st1, st2 := streamPair(t, client, agent)
		fill(st1, 16<<20)
		for range 160 { // 2 MB/s, where the window would allow 100
			readN(t, st2, 100<<10)
			time.Sleep(50 * time.Millisecond)
		}
		assert.Equal(t, wire.MinWindow, st1.windowNow())
	})
}

// With 200 streams that nobody reads, each having got as much as it could
// before the next began, the receiver holds what it announced at most, and one
// more stream still gets through. When all are read at last, none is stuck.
func TestMemoryIsSharedAndBounded(t *testing.T) {
	const stalled, size = 200, 300 << 10
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(0), Config{}, Config{})
		var unread []*Stream
		var fills []<-chan struct{}
		for range stalled {
			st1, st2 := streamPair(t, client, agent)
			fills = append(fills, fill(st1, size))
			unread = append(unread, st2)
			synctest.Wait()
			require.NoError(t, agent.Err())
		}
		agent.mu.Lock()
		assert.LessOrEqual(t, agent.held+agent.unsaid, agentMemory)
		assert.Greater(t, agent.held, agentMemory*15/16)
		for i, st := range unread {
			assert.NotZero(t, st.rbuf.n, "stream %d", i)
		}
		agent.mu.Unlock()

		st1, st2 := streamPair(t, client, agent)
		donec := fill(st1, size)
		readN(t, st2, size)
		<-donec

		var wg sync.WaitGroup
		for _, st := range unread {
			wg.Go(func() {
				n, err := io.CopyN(io.Discard, st, size)
				assert.NoError(t, err)
				assert.EqualValues(t, size, n)
			})
		}
		wg.Wait()
		for _, c := range fills {
			<-c
		}
		synctest.Wait()
		assertAllRead(t, client, agent)
	})
}

// Both directions may be short of memory at once, and then are read again.
func TestMemoryShortBothWays(t *testing.T) {
	const streams, size = 20, 1 << 20
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(time.Millisecond), Config{Memory: 2 << 20}, Config{Memory: 1 << 20})
		var wg sync.WaitGroup
		for range streams {
			st1, st2 := streamPair(t, client, agent)
			for _, st := range []*Stream{st1, st2} {
				fill(st, size)
				wg.Go(func() {
					time.Sleep(time.Second) // until both are full
					_, err := io.CopyN(io.Discard, st, size)
					assert.NoError(t, err)
				})
			}
		}
		wg.Wait()
		time.Sleep(time.Second)
		assertAllRead(t, client, agent)
		assertAllRead(t, agent, client)
	})
}

// An interactive stream waits for what is being written and for one frame of
// each other stream. net.Pipe has no room, so the count is exact.
func TestStreamsTakeTurns(t *testing.T) {
	const bulks = 4
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		for range bulks {
			st, err := p.s.Open(wire.KindTCP, "")
			require.NoError(t, err)
			fill(st, 1<<20)
		}
		quick, err := p.s.Open(wire.KindTCP, "")
		require.NoError(t, err)
		// Read on until the writer has a full write at hand.
		const before = 64 << 10
		p.take(before)
		synctest.Wait()
		write(t, quick, "x")
		p.listen()
		synctest.Wait()
		passed, seen := -before, false
		for _, f := range sent[wire.Data](p) {
			if seen = f.Stream == quick.id; seen {
				break
			}
			passed += wire.HeaderLen + len(f.Payload)
		}
		assert.True(t, seen)
		const frame = wire.HeaderLen + wire.MaxPayload
		assert.LessOrEqual(t, passed, gather+frame+bulks*frame)
	})
}

// Control frames go before data that waits.
func TestPingPassesBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memPair(0, 1)
		theirs.out.room = 0
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		for range 4 {
			st, err := p.s.Open(wire.KindTCP, "")
			require.NoError(t, err)
			fill(st, 1<<20)
		}
		synctest.Wait()
		p.send(wire.Ping{Data: [8]byte{1}})
		synctest.Wait()
		p.listen()
		synctest.Wait()
		passed := 0
		for _, f := range p.frames {
			if ping, ok := f.(wire.Ping); ok && ping.ACK {
				break
			}
			if data, ok := f.(wire.Data); ok {
				passed += len(data.Payload)
			}
		}
		assert.LessOrEqual(t, passed, 2*(gather+wire.MaxPayload), "what was written and what was about to be")
	})
}

func TestSmallWritesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memPair(0, 1)
		theirs.out.room = 0
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		synctest.Wait() // the first ping fills the link
		p.send(wire.Ping{})
		synctest.Wait() // and the answer to this one waits
		before := len(ours.out.sizes())
		const streams, writes, size = 100, 1000, 30
		for range streams {
			st, err := p.s.Open(wire.KindTCP, "a:1")
			require.NoError(t, err)
			for range writes {
				n, err := st.Write(make([]byte, size))
				require.NoError(t, err)
				require.Equal(t, size, n)
			}
		}
		p.listen()
		synctest.Wait()
		assert.Len(t, sent[wire.Data](p), streams, "one frame for a thousand writes")
		sizes := ours.out.sizes()[before:]
		total := 0
		for _, n := range sizes {
			assert.LessOrEqual(t, n, gather+wire.HeaderLen+wire.MaxPayload)
			total += n
		}
		assert.Greater(t, total, streams*writes*size)
		assert.LessOrEqual(t, len(sizes), total/gather+2)
	})
}

// A stream that was opened and never accepted by anybody is flow-controlled
// like others, and its end gives back what it held.
func TestUnacceptedStreamsAreReleased(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		for range 50 {
			st, err := client.Open(wire.KindTCP, "")
			require.NoError(t, err)
			fill(st, 100<<10)
		}
		time.Sleep(time.Second)
		assert.Equal(t, 50*100<<10, countsOf(agent).held)
		for range 50 {
			st, err := agent.Accept(context.Background())
			require.NoError(t, err)
			st.Reset(wire.Unsupported, "")
		}
		time.Sleep(time.Second)
		assertBalanced(t, agent)
		assert.Zero(t, countsOf(client).outstanding)
	})
}
