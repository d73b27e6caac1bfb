package session

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// inBubble runs f with a session whose link takes 5 ms each way.
func inBubble(t *testing.T, f func(t *testing.T, client, agent *Session)) {
	synctest.Test(t, func(t *testing.T) {
		client, agent := pair(t, memLinks(5*time.Millisecond), Config{}, Config{})
		f(t, client, agent)
	})
}

func write(t testing.TB, st *Stream, s string) {
	t.Helper()
	n, err := st.Write([]byte(s))
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

// assertReads asserts that the stream reads want and then its end.
func assertReads(t testing.TB, st *Stream, want string) {
	t.Helper()
	got, err := io.ReadAll(st)
	assert.NoError(t, err)
	assert.Equal(t, want, string(got))
}

// assertErrno asserts that err is a *net.OpError that is errno.
func assertErrno(t testing.TB, err error, op string, errno syscall.Errno) {
	t.Helper()
	var opErr *net.OpError
	if assert.ErrorAs(t, err, &opErr) {
		assert.Equal(t, op, opErr.Op)
		assert.Equal(t, "tcp", opErr.Net)
	}
	assert.ErrorIs(t, err, errno)
}

func TestAnswerAfterHalfClose(t *testing.T) {
	ends := map[string]func(client, agent *Stream) (*Stream, *Stream){
		"client asks": func(c, a *Stream) (*Stream, *Stream) { return c, a },
		"agent asks":  func(c, a *Stream) (*Stream, *Stream) { return a, c },
	}
	for name, order := range ends {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, client, agent *Session) {
				asker, answerer := order(streamPair(t, client, agent))
				write(t, asker, "question")
				require.NoError(t, asker.CloseWrite())
				assertReads(t, answerer, "question")
				time.Sleep(time.Minute) // nothing hurries the answer
				write(t, answerer, "answer")
				require.NoError(t, answerer.CloseWrite())
				assertReads(t, asker, "answer")
				asker.Close()
				answerer.Close()
				assertSettled(t, client, agent)
			})
		})
	}
}

// What waits when the stream is half-closed leaves in one frame with the FIN.
func TestFINTravelsWithData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := memPair(0, 1)
		p := newRawPeer(t, wire.RoleClient, Config{}, ours, theirs)
		synctest.Wait() // the first PING fills the link
		st, err := p.s.Open(wire.KindTCP, "")
		require.NoError(t, err)
		synctest.Wait() // the writer is stuck
		write(t, st, "hello, ")
		write(t, st, "world")
		require.NoError(t, st.CloseWrite())
		require.NoError(t, st.CloseWrite(), "again")
		p.listen()
		synctest.Wait()
		require.NoError(t, st.CloseWrite(), "and again")
		assert.Equal(t, []wire.Data{{Stream: p.theirs(0), FIN: true, Payload: []byte("hello, world")}}, sent[wire.Data](p))
		_, err = st.Write([]byte("x"))
		assert.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestResetCarriesItsErrno(t *testing.T) {
	for code := range wire.NameFailed + 1 {
		errno := code.Errno()
		if errno == 0 {
			continue
		}
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, client, agent *Session) {
				st1, st2 := streamPair(t, client, agent)
				st2.Reset(code, "because of the weather")
				_, err := st1.Read(make([]byte, 1))
				assertErrno(t, err, "read", errno)
				_, err = st1.Write([]byte("x"))
				assertErrno(t, err, "write", errno)
				assertErrno(t, st1.CloseWrite(), "close", errno)
				var reset *ResetError
				require.ErrorAs(t, err, &reset)
				assert.Equal(t, ResetError{code, "because of the weather"}, *reset)
				assert.EqualError(t, err, "write tcp stream 1->a:1: because of the weather")
				assert.Equal(t, errno == syscall.ETIMEDOUT, err.(net.Error).Timeout())
				_, err = st2.Read(make([]byte, 1))
				assert.ErrorIs(t, err, net.ErrClosed)
			})
		})
	}
}

func TestDataBeforeResetIsRead(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		n, err := st2.Write(make([]byte, 64<<10))
		require.NoError(t, err)
		require.Equal(t, 64<<10, n)
		st2.Reset(wire.ConnReset, "")
		time.Sleep(time.Second)
		got, err := io.ReadAll(st1)
		assert.Len(t, got, 64<<10)
		assertErrno(t, err, "read", syscall.ECONNRESET)
		st1.Close()
		assertSettled(t, client, agent)
	})
}

func TestResetEndsABlockedWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		time.AfterFunc(time.Second, func() { st2.Reset(wire.ConnReset, "") })
		n, err := st1.Write(make([]byte, 4<<20))
		assert.Less(t, n, 2<<20)
		assertErrno(t, err, "write", syscall.ECONNRESET)
		st1.Close()
		assertSettled(t, client, agent)
	})
}

func TestCloseWithUnreadDataResets(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		write(t, st1, "unread")
		require.NoError(t, st1.CloseWrite())
		time.Sleep(time.Second)
		st2.Close()
		_, err := st1.Read(make([]byte, 1))
		assertErrno(t, err, "read", syscall.ECONNRESET)
		st1.Close()
		assertSettled(t, client, agent)
	})
}

func TestCloseAfterBothEndedDoesNotReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		p.open(0)
		st, err := p.s.Accept(context.Background())
		require.NoError(t, err)
		p.send(wire.Data{Stream: p.own(0), FIN: true, Payload: []byte("all")})
		assertReads(t, st, "all")
		write(t, st, "mine")
		st.Close()
		synctest.Wait()
		said := ""
		for _, f := range sent[wire.Data](p) { // one, or one more for FIN
			said += string(f.Payload)
			if f.FIN {
				said += "."
			}
		}
		assert.Equal(t, "mine.", said)
		assert.Empty(t, sent[wire.Reset](p))
		p.send(wire.Credit{Stream: p.own(0), Consumed: 4})
		synctest.Wait()
		assertBalanced(t, p.s)
	})
}

// As with TCP, a server may write, close and go; what it wrote arrives, however
// slowly it is read.
func TestCloseStillSendsWhatWasWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		const size = wire.MinWindow + bufferSize // all that one can write without being read
		n, err := st2.Write(make([]byte, size))
		require.NoError(t, err)
		require.Equal(t, size, n)
		st2.Close()
		time.Sleep(time.Minute)
		got, err := io.ReadAll(st1)
		assert.NoError(t, err)
		assert.Len(t, got, size)
		_, err = st1.Write([]byte("x"))
		assertErrno(t, err, "write", syscall.ECONNRESET)
		st1.Close()
		assertSettled(t, client, agent)
	})
}

// But it does not wait for a peer that goes on sending and does not read.
func TestClosedStreamResetsWhoSends(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		_, err := st2.Write(make([]byte, wire.MinWindow+bufferSize))
		require.NoError(t, err)
		st2.Close()
		time.Sleep(time.Second)
		write(t, st1, "more")
		time.Sleep(time.Second)
		_, err = st1.Write([]byte("x"))
		assertErrno(t, err, "write", syscall.ECONNRESET)
		got, err := io.ReadAll(st1)
		assert.Len(t, got, wire.MinWindow)
		assertErrno(t, err, "read", syscall.ECONNRESET)
		st1.Close()
		assertSettled(t, client, agent)
	})
}

func TestWriteAfterPeersClose(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		write(t, st2, "bye")
		st2.Close()
		time.Sleep(time.Second)
		_, err := st1.Write([]byte("x"))
		assertErrno(t, err, "write", syscall.ECONNRESET)
		assertReads(t, st1, "bye")
	})
}

func TestCallsAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st, _ := streamPair(t, client, agent)
		errc := make(chan error)
		go func() {
			_, err := st.Read(make([]byte, 1))
			errc <- err
		}()
		synctest.Wait()
		require.NoError(t, st.Close())
		assert.ErrorIs(t, <-errc, net.ErrClosed)
		_, err := st.Read(make([]byte, 1))
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = st.Write([]byte("x"))
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, st.CloseWrite(), net.ErrClosed)
		assert.ErrorIs(t, st.SetDeadline(time.Time{}), net.ErrClosed)
		assert.NoError(t, st.Close())
		st.Reset(wire.ConnReset, "") // no effect
		st.Accept("")                // no effect
	})
}

// A half-close while another goroutine's Write waits for credit sends its FIN
// when that Write has given up, not when credit comes.
func TestCloseWriteEndsABlockedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		st, err := p.s.Open(wire.KindTCP, "")
		require.NoError(t, err)
		errc := make(chan error)
		go func() {
			n, err := st.Write(make([]byte, 2<<20))
			assert.Equal(t, wire.MinWindow, n)
			errc <- err
		}()
		synctest.Wait()
		require.NoError(t, st.CloseWrite())
		assert.ErrorIs(t, <-errc, net.ErrClosed)
		synctest.Wait()
		frames := sent[wire.Data](p)
		assert.True(t, frames[len(frames)-1].FIN)
	})
}

func TestWriteDeadlineTellsWhatWasTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		b := make([]byte, 3<<20)
		for i := range b {
			b[i] = byte(i % 251)
		}
		require.NoError(t, st1.SetWriteDeadline(time.Now().Add(time.Second)))
		begin := time.Now()
		n, err := st1.Write(b)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begin))
		require.NoError(t, st1.SetWriteDeadline(time.Time{}))
		go func() {
			_, err := st1.Write(b[n:])
			assert.NoError(t, err)
			assert.NoError(t, st1.CloseWrite())
		}()
		got, err := io.ReadAll(st2)
		require.NoError(t, err)
		assert.Equal(t, b, got)
	})
}

// The first data travels with the open: it is there before Accept.
func TestOptimisticOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		begin := time.Now()
		st1, err := client.Open(wire.KindResolve, "search")
		require.NoError(t, err)
		write(t, st1, "first")
		st2, err := agent.Accept(context.Background())
		require.NoError(t, err)
		b := make([]byte, 10)
		n, err := st2.Read(b)
		require.NoError(t, err)
		assert.Equal(t, "first", string(b[:n]))
		assert.Equal(t, 5*time.Millisecond, time.Since(begin))
		assert.Equal(t, wire.KindResolve, st2.Kind())
		assert.Equal(t, "search", st2.Address())
		assert.Equal(t, "search", st2.RemoteAddr().String())
		st2.Accept("reached")
		st2.Accept("twice")
		addr, err := st1.Connected(context.Background())
		assert.NoError(t, err)
		assert.Equal(t, "reached", addr)
		assert.Equal(t, 10*time.Millisecond, time.Since(begin))
	})
}

func TestRefusedDial(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		go func() {
			st, err := agent.Accept(context.Background())
			if assert.NoError(t, err) {
				st.Reset(wire.ConnRefused, "connect 10.0.0.1:80: connection refused")
			}
		}()
		begin := time.Now()
		_, err := client.Dial(context.Background(), wire.KindTCP, "db:80")
		assertErrno(t, err, "dial", syscall.ECONNREFUSED)
		assert.EqualError(t, err, "dial tcp db:80: connect 10.0.0.1:80: connection refused")
		assert.Equal(t, 10*time.Millisecond, time.Since(begin))
		assertSettled(t, client, agent)
	})
}

func TestDialHonoursItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		why := errors.New("no patience")
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, why)
		defer cancel()
		begin := time.Now()
		_, err := client.Dial(ctx, wire.KindTCP, "slow:1")
		assert.ErrorIs(t, err, why)
		assert.Equal(t, time.Second, time.Since(begin))
		time.Sleep(time.Second)
		st, err := agent.Accept(context.Background())
		require.NoError(t, err)
		_, err = st.Read(make([]byte, 1))
		assertErrno(t, err, "read", syscall.ECONNRESET)
		st.Close()
		assertSettled(t, client, agent)
	})
}

func TestAcceptHonoursItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := agent.Accept(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = client.Open(wire.KindTCP, "")
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = agent.Accept(ctx)
		assert.NoError(t, err, "a stream that is there wins over a context that has ended")
	})
}

func TestBothSidesOpen(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		for range 3 {
			for _, s := range []struct{ opener, other *Session }{{client, agent}, {agent, client}} {
				st1, st2 := streamPair(t, s.opener, s.other)
				write(t, st1, "to")
				write(t, st2, "fro")
				st1.CloseWrite()
				st2.CloseWrite()
				assertReads(t, st2, "to")
				assertReads(t, st1, "fro")
			}
		}
	})
}

func TestOpenChecksItsAddress(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		for _, address := range []string{"\xff", string(make([]byte, wire.MaxAddress+1))} {
			_, err := client.Open(wire.KindTCP, address)
			assert.EqualError(t, err, "open tcp stream: address is not text of at most 512 bytes")
		}
	})
}
