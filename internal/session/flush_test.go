package session

import (
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

func TestFlushWaitsUntilAllIsConsumed(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		begin := time.Now()
		write(t, st1, "all")
		st1.CloseWrite()
		time.AfterFunc(time.Minute, func() { io.Copy(io.Discard, st2) })
		assert.NoError(t, st1.Flush(context.Background()))
		assert.Equal(t, time.Minute+5*time.Millisecond, time.Since(begin))
	})
}

func TestFlushAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		const size = wire.MinWindow + 100
		_, err := st1.Write(make([]byte, size))
		require.NoError(t, err)
		st1.Close()
		time.AfterFunc(time.Minute, func() { readN(t, st2, size) })
		assert.NoError(t, st1.Flush(context.Background()))
	})
}

// What was dropped cannot be waited for.
func TestFlushAfterAReset(t *testing.T) {
	ends := map[string]func(st1, st2 *Stream){
		"by Reset":              func(st1, _ *Stream) { st1.Reset(wire.ConnReset, "") },
		"by Close over arrival": func(st1, st2 *Stream) { st1.Close(); st2.Write([]byte("x")) },
		"by the peer":           func(_, st2 *Stream) { st2.Reset(wire.ConnReset, "") },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, client, agent *Session) {
				st1, st2 := streamPair(t, client, agent)
				_, err := st1.Write(make([]byte, wire.MinWindow+100))
				require.NoError(t, err)
				time.Sleep(time.Second)
				end(st1, st2)
				assert.ErrorIs(t, st1.Flush(context.Background()), syscall.ECONNRESET)
			})
		})
	}
}

func TestFlushHonoursItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, _ := streamPair(t, client, agent)
		write(t, st1, "unread")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		assert.ErrorIs(t, st1.Flush(ctx), context.DeadlineExceeded)
	})
}

// failAfter is a writer that takes n bytes.
type failAfter struct{ n int }

func (w *failAfter) Write(b []byte) (int, error) {
	n := min(w.n, len(b))
	w.n -= n
	if n < len(b) {
		return n, syscall.EPIPE
	}
	return n, nil
}

func TestWriteToCountsWhatWasTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		donec := fill(st1, 3<<20)
		n, err := st2.WriteTo(&failAfter{2 << 20})
		assert.ErrorIs(t, err, syscall.EPIPE)
		assert.EqualValues(t, 2<<20, n)
		st2.Close()
		<-donec
		st1.Close()
		assertSettled(t, client, agent)
	})
}
