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

func TestPingEvery5Seconds(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{})
			for n := range 20 {
				synctest.Wait()
				pings := sent[wire.Ping](p)
				require.Len(t, pings, n+1)
				p.send(wire.Ping{ACK: true, Data: pings[n].Data})
				if n >= firstPings-1 {
					time.Sleep(5 * time.Second)
				}
			}
			assert.NoError(t, p.s.Err())
		})
	})
}

func TestPingIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		p.send(wire.Ping{Data: [8]byte{1, 2, 3}})
		synctest.Wait()
		assert.Contains(t, sent[wire.Ping](p), wire.Ping{ACK: true, Data: [8]byte{1, 2, 3}})
	})
}

func TestSilentPeerIsDeadAfter15Seconds(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{})
			p.open(0)
			taken, err := p.s.Accept(context.Background())
			require.NoError(t, err)
			opened, err := p.s.Open(wire.KindTCP, "")
			require.NoError(t, err)
			time.Sleep(1234 * time.Millisecond)
			p.link.Write([]byte{byte(wire.TypePing)}) // the last that is heard, were it half a frame
			synctest.Wait()
			begin := time.Now()

			errs := make(chan error, 4)
			ended := func(f func() error) {
				go func() {
					errs <- f()
					assert.Equal(t, 15*time.Second, time.Since(begin))
				}()
			}
			ended(func() error { _, err := opened.Write(make([]byte, 2<<20)); return err })
			ended(func() error { _, err := opened.Read(make([]byte, 1)); return err })
			ended(func() error { _, err := taken.Read(make([]byte, 1)); return err })
			ended(func() error { _, err := opened.Connected(context.Background()); return err })
			for range 4 {
				var end *Error
				if assert.ErrorAs(t, <-errs, &end) {
					assert.Equal(t, wire.SessionLost, end.Code)
					assert.EqualError(t, end, "session ended: peer was silent for 15s")
				}
			}
			assertLost(t, opened, wire.SessionLost)
			assertLost(t, taken, wire.SessionLost)
			p.s.Close()
			assert.LessOrEqual(t, time.Since(begin), 15*time.Second+flushTime)
		})
	})
}

// A link that takes nothing any more, as when the laptop's network is gone.
func TestLinkWhoseWriteBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memPair(0, 1)
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		begin := time.Now()
		st, err := p.s.Open(wire.KindTCP, "")
		require.NoError(t, err)
		_, err = st.Write(make([]byte, 8<<20))
		assert.Equal(t, 15*time.Second, time.Since(begin))
		assert.Error(t, err)
		assertLost(t, st, wire.SessionLost)
		p.s.Close()
		assert.Equal(t, 15*time.Second+flushTime, time.Since(begin))
	})
}

func TestCloseOverALinkWhoseWriteBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memPair(0, 1)
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		st, err := p.s.Open(wire.KindTCP, "")
		require.NoError(t, err)
		donec := fill(st, 8<<20)
		synctest.Wait()
		begin := time.Now()
		p.s.Close()
		assert.Equal(t, flushTime, time.Since(begin))
		<-donec
	})
}

func TestIdleSessionLives(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		time.Sleep(time.Hour)
		write(t, st1, "still here")
		st1.CloseWrite()
		assertReads(t, st2, "still here")
		synctest.Wait()
		assert.Equal(t, 10*time.Millisecond, client.rtt)
	})
}

// An answer that nobody asked for does not count as a round trip.
func TestForgedPingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		time.Sleep(time.Second)
		for _, data := range [][8]byte{{0xff}, {0x80}, {0x7f, 0xff}, {0, 0, 1, 0xff}} {
			p.send(wire.Ping{ACK: true, Data: data})
		}
		synctest.Wait()
		assert.NoError(t, p.s.Err())
		assert.Zero(t, p.s.rtt)
	})
}

func TestLinkCut(t *testing.T) {
	frame := wire.Data{Stream: 1, Payload: make([]byte, 100)}.Append(nil)
	for name, n := range map[string]int{"between frames": 0, "in a header": 3, "after a header": wire.HeaderLen, "in a payload": 50} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := memPeer(t, wire.RoleClient, Config{})
				p.open(0)
				p.sendData(p.own(0), 10)
				taken, err := p.s.Accept(context.Background())
				require.NoError(t, err)
				opened, err := p.s.Open(wire.KindTCP, "")
				require.NoError(t, err)
				synctest.Wait()
				p.link.Write(frame[:n])
				p.link.Close()
				synctest.Wait()
				readN(t, taken, 10)
				assertLost(t, taken, wire.SessionLost)
				assertLost(t, opened, wire.SessionLost)
			})
		})
	}
	t.Run("in a frame and with no stream open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, wire.RoleClient, Config{})
			p.link.Write(frame[:3])
			p.link.Close()
			<-p.s.Done()
			var end *Error
			assert.ErrorAs(t, p.s.Err(), &end)
		})
	})
	t.Run("with no stream open", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, wire.RoleClient, Config{})
			p.link.Close()
			<-p.s.Done()
			assert.Equal(t, ErrClosed, p.s.Err())
		})
	})
}

// A bulk transfer of minutes must not make the path look longer than it is.
func TestRoundTripIsThatOfAQuietPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		p.open(0)
		answered := 0
		answer := func(late time.Duration, busy bool) {
			t.Helper()
			for synctest.Wait(); len(sent[wire.Ping](p)) == answered; synctest.Wait() {
				time.Sleep(time.Millisecond)
			}
			if busy {
				p.sendData(p.own(0), 1)
			}
			time.Sleep(late)
			p.send(wire.Ping{ACK: true, Data: sent[wire.Ping](p)[answered].Data})
			answered++
			synctest.Wait()
		}
		for _, late := range []time.Duration{90, 50, 60, 70} { // a cold path gets faster
			answer(late*time.Millisecond, false)
		}
		near := func(want time.Duration, why string) {
			t.Helper()
			assert.InDelta(t, want, p.s.rtt, float64(2*time.Millisecond), why)
		}
		near(50*time.Millisecond, "the best of the first")
		for range 100 {
			answer(time.Second, true)
		}
		near(50*time.Millisecond, "behind data")
		answer(20*time.Millisecond, true)
		near(20*time.Millisecond, "it takes no longer, whatever else is on the way")
		for range quietTrips - 1 {
			answer(80*time.Millisecond, false)
		}
		near(20*time.Millisecond, "somebody may have been busy")
		answer(90*time.Millisecond, false)
		near(80*time.Millisecond, "the path has changed")
	})
}
