package session

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// narrow is a link on which bytes take time to be written.
type narrow struct {
	*memLink
	rate int // bytes a second
}

func (n narrow) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(n.rate))
	return n.memLink.Write(b)
}

// One byte must not wait behind all that could be gathered.
func TestByteBesideBulkOnANarrowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 5_000_000 // 256 KiB take 52 ms
		client, agent := pair(t, func(testing.TB) (net.Conn, net.Conn) {
			a, b := memPair(time.Millisecond, 0)
			return narrow{a, rate}, b
		}, Config{}, Config{})
		bulk, sink := streamPair(t, client, agent)
		go io.Copy(io.Discard, sink)
		key, echo := streamPair(t, client, agent)
		go io.Copy(echo, echo)
		fill(bulk, 1<<30)
		time.Sleep(time.Second)
		for range 20 {
			begin := time.Now()
			write(t, key, "x")
			readN(t, key, 1)
			// A write that is under way, and a frame of the bulk beside it in the next.
			const most = 2 * (minGather + wire.MaxPayload)
			assert.Less(t, time.Since(begin), time.Second*most/rate+5*time.Millisecond)
		}
		sent := client.link.(narrow).out
		sent.mu.Lock()
		defer sent.mu.Unlock()
		require.NotEmpty(t, sent.writes)
		assert.Less(t, sent.writes[len(sent.writes)-1], minGather+2*wire.MaxPayload)
	})
}

// byteSource gives one byte.
func byteSource(b []byte) (int, error) {
	b[0] = 'x'
	return 1, nil
}

// barred is a link whose next writes may wait, or fail.
type barred struct {
	*memLink
	bar *bar
}

// bar is done when writes go on, and its cause what they come to then.
type bar struct {
	context.Context
	lift context.CancelCauseFunc
}

// lower makes writes wait.
func (l barred) lower() { l.bar.Context, l.bar.lift = context.WithCancelCause(context.Background()) }

func (l barred) Write(b []byte) (int, error) {
	if l.bar.Context != nil {
		<-l.bar.Done()
		if err := context.Cause(l.bar); err != context.Canceled {
			return 0, err
		}
	}
	return l.memLink.Write(b)
}

func (l barred) Close() error {
	if l.bar.Context != nil {
		l.bar.lift(net.ErrClosed)
	}
	return l.memLink.Close()
}

// barredPair is a session with a stream, and a client's link that is quiet.
func barredPair(t *testing.T) (st1, st2 *Stream, link barred) {
	client, agent := pair(t, func(testing.TB) (net.Conn, net.Conn) {
		a, b := memPair(0, 0)
		return barred{a, new(bar)}, b
	}, Config{}, Config{})
	st1, st2 = streamPair(t, client, agent)
	synctest.Wait()
	return st1, st2, client.link.(barred)
}

// Who has a byte to send and finds nobody writing does it itself.
func TestByteIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st1, _, link := barredPair(t)
		before := len(link.out.sizes())
		require.NoError(t, st1.Draw(byteSource))
		assert.Len(t, link.out.sizes(), before+1)
	})
}

// What others have to send while somebody writes at once follows.
func TestOthersFollowWhatIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st1, st2, link := barredPair(t)
		other1, other2 := streamPair(t, st1.s, st2.s)
		synctest.Wait()
		link.lower()
		go st1.Draw(byteSource)
		synctest.Wait()
		write(t, other1, "y")
		synctest.Wait()
		link.bar.lift(nil)
		readN(t, st2, 1)
		readN(t, other2, 1)
	})
}

// A link that cannot be written ends the session, whoever finds out.
func TestWriteAtOnceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st1, _, link := barredPair(t)
		link.lower()
		link.bar.lift(io.ErrClosedPipe)
		require.NoError(t, st1.Draw(byteSource))
		<-st1.s.Done()
		assert.ErrorIs(t, st1.s.Err(), io.ErrClosedPipe)
		<-st1.s.donec
	})
}

// Close does not wait long for a write that nobody takes.
func TestCloseWhileWritingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st1, _, link := barredPair(t)
		link.lower()
		drawn := make(chan error, 1)
		go func() { drawn <- st1.Draw(byteSource) }()
		synctest.Wait()
		begin := time.Now()
		st1.s.Close()
		assert.LessOrEqual(t, time.Since(begin), flushTime)
		<-drawn
	})
}
