package session

import (
	"context"
	"io"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

func TestShutdownWaitsUntilAllIsConsumed(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		const size = wire.MinWindow
		_, err := st1.Write(make([]byte, size))
		require.NoError(t, err)
		require.NoError(t, st1.CloseWrite())
		require.NoError(t, st2.CloseWrite())
		begin := time.Now()
		time.AfterFunc(time.Minute, func() {
			n, err := io.Copy(io.Discard, st2)
			assert.NoError(t, err)
			assert.EqualValues(t, size, n)
		})
		require.NoError(t, client.Shutdown(context.Background()))
		assert.Equal(t, time.Minute+5*time.Millisecond, time.Since(begin), "the last CREDIT takes 5 ms")
		assert.Equal(t, ErrClosed, client.Err())
		<-agent.Done()
		assert.Equal(t, ErrClosed, agent.Err())
		assertReads(t, st1, "")
	})
}

func TestShutdownTakesNoStreams(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		crossing, err := client.Open(wire.KindTCP, "")
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, agent.Shutdown(context.Background())) })
		synctest.Wait()
		_, err = agent.Open(wire.KindTCP, "")
		assert.Equal(t, ErrClosed, err)

		_, err = crossing.Connected(context.Background())
		assert.ErrorIs(t, err, syscall.ESHUTDOWN)
		crossing.Close()
		_, err = client.Open(wire.KindTCP, "")
		assert.Equal(t, ErrGoAway, err)

		// What is there goes on.
		time.Sleep(time.Minute)
		write(t, st1, "ping")
		st1.CloseWrite()
		assertReads(t, st2, "ping")
		write(t, st2, "pong")
		st2.CloseWrite()
		assertReads(t, st1, "pong")
		wg.Wait()
		<-client.Done()
		assert.Equal(t, ErrClosed, client.Err())
	})
}

func TestGoAwayLetsTakenStreamsGoOn(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{})
			var sts []*Stream
			for range 3 {
				st, err := p.s.Open(wire.KindTCP, "")
				require.NoError(t, err)
				write(t, st, "early")
				sts = append(sts, st)
			}
			synctest.Wait()
			p.send(wire.GoAway{Last: p.theirs(1)})
			synctest.Wait()
			require.NoError(t, p.s.Err())
			_, err := p.s.Open(wire.KindTCP, "")
			assert.Equal(t, ErrGoAway, err)
			_, err = sts[2].Read(make([]byte, 1))
			assertErrno(t, err, "read", syscall.ESHUTDOWN)
			write(t, sts[0], "x")
			write(t, sts[1], "x")
			p.send(wire.Accept{Stream: p.theirs(1)}, wire.Data{Stream: p.theirs(1), FIN: true, Payload: []byte("late")})
			assertReads(t, sts[1], "late")
			synctest.Wait()
			assert.Equal(t, 12, p.s.outstanding)

			// The peer may still open streams of its own.
			p.open(0)
			_, err = p.s.Accept(context.Background())
			require.NoError(t, err)
			p.link.Close()
			<-p.s.Done()
			assertLost(t, sts[0], wire.SessionLost)
		})
	})
}

func TestGoAwayWithACodeEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleAgent, Config{})
		st, err := p.s.Open(wire.KindTCP, "")
		require.NoError(t, err)
		p.send(wire.GoAway{Code: wire.InternalError, Text: "out of luck"})
		<-p.s.Done()
		assert.EqualError(t, p.s.Err(), "peer ended the session: out of luck")
		assertLost(t, st, wire.InternalError)
		p.s.Close()
		synctest.Wait()
		assert.Error(t, p.err, "the link is closed")
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		assert.ErrorIs(t, agent.Shutdown(ctx), context.DeadlineExceeded)
		_, err := st2.Read(make([]byte, 1))
		assert.ErrorIs(t, err, ErrClosed)
		_, err = st1.Read(make([]byte, 1))
		assertErrno(t, err, "read", syscall.ECONNRESET)
	})
}

func TestShutdownCutShort(t *testing.T) {
	t.Run("by Close", func(t *testing.T) {
		inBubble(t, func(t *testing.T, client, agent *Session) {
			streamPair(t, client, agent)
			time.AfterFunc(time.Second, func() { client.Close() })
			assert.Equal(t, ErrClosed, client.Shutdown(context.Background()))
		})
	})
	t.Run("by the peer", func(t *testing.T) {
		inBubble(t, func(t *testing.T, client, agent *Session) {
			streamPair(t, client, agent)
			time.AfterFunc(time.Second, func() { agent.Close() })
			assert.ErrorIs(t, client.Shutdown(context.Background()), syscall.ECONNRESET)
		})
	})
}

func TestCloseEndsBothSides(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		unaccepted, err := client.Open(wire.KindTCP, "")
		require.NoError(t, err)
		fill(unaccepted, 100<<10)
		time.Sleep(time.Second)
		acceptErr := make(chan error)
		go func() {
			agent.Accept(context.Background()) // the one that waits
			_, err := agent.Accept(context.Background())
			acceptErr <- err
		}()
		synctest.Wait()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { assert.NoError(t, client.Close()) })
		}
		wg.Wait()
		assert.Equal(t, ErrClosed, client.Err())
		_, err = st1.Read(make([]byte, 1))
		assert.ErrorIs(t, err, ErrClosed)
		_, err = st1.Write([]byte("x"))
		assert.ErrorIs(t, err, ErrClosed)
		<-agent.Done()
		assertLost(t, st2, wire.SessionLost)
		assert.ErrorIs(t, <-acceptErr, syscall.ECONNRESET)
	})
}

func TestCloseWithErrorSaysWhy(t *testing.T) {
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) {
			client, agent := pair(t, link.make, Config{}, Config{})
			st, _ := streamPair(t, client, agent)
			agent.CloseWithError(wire.ShuttingDown, "idle for 5m0s")
			assertLost(t, st, wire.ShuttingDown)
			assert.EqualError(t, client.Err(), "peer ended the session: idle for 5m0s")
			assert.Equal(t, ErrClosed, agent.Err())
		})
	}
}

// What has come to its end before the session does stays so.
func TestEndedStreamOutlivesTheSession(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		write(t, st2, "all of it")
		require.NoError(t, st2.CloseWrite())
		time.Sleep(time.Second)
		agent.Close()
		<-client.Done()
		assertReads(t, st1, "all of it")
		_, err := st1.Write([]byte("x"))
		assertErrno(t, err, "write", syscall.ECONNRESET)
	})
}
