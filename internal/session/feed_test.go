package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// fed is what Feed brought.
type fed struct {
	bytes.Buffer
	fail  error // of Write
	n     int64
	err   error
	ended int
}

func (f *fed) Write(b []byte) (int, error) {
	if f.fail != nil {
		return 0, f.fail
	}
	return f.Buffer.Write(b)
}

// settled waits, in a bubble, until all has arrived.
func settled() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

func feed(st *Stream, fail error) *fed {
	f := &fed{fail: fail}
	st.Feed(f, func(n int64, err error) { f.n, f.err = n, err; f.ended++ })
	return f
}

func TestFeedBringsAllToTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		write(t, st1, "before, ")
		settled()
		f := feed(st2, nil)
		settled()
		assert.Equal(t, "before, ", f.String())
		much := strings.Repeat("x", 3<<20) // more than a window
		write(t, st1, much)
		require.NoError(t, st1.CloseWrite())
		settled()
		assert.Equal(t, "before, "+much, f.String())
		assert.Equal(t, int64(f.Len()), f.n)
		assert.NoError(t, f.err)
		assert.Equal(t, 1, f.ended)
		st1.Close()
		st2.Close()
		assertSettled(t, client, agent)
	})
}

func TestFeedEndsAsReadDoes(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(st1, st2 *Stream)
		want error
	}{
		"end of data":     {func(st1, _ *Stream) { st1.CloseWrite() }, nil},
		"reset":           {func(st1, _ *Stream) { st1.Reset(wire.ConnReset, "") }, syscall.ECONNRESET},
		"closed here":     {func(_, st2 *Stream) { st2.Close() }, net.ErrClosed},
		"end of session":  {func(_, st2 *Stream) { st2.s.Close() }, ErrClosed},
		"session is lost": {func(st1, _ *Stream) { st1.s.link.Close() }, syscall.ECONNRESET},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				inBubble(t, func(t *testing.T, client, agent *Session) {
					st1, st2 := streamPair(t, client, agent)
					var f *fed
					if when == "after" {
						f = feed(st2, nil)
					}
					write(t, st1, "hello")
					settled()
					tt.end(st1, st2)
					settled()
					if when == "before" {
						f = feed(st2, nil)
					}
					settled()
					assert.Equal(t, 1, f.ended)
					if tt.want == nil {
						assert.NoError(t, f.err)
					} else {
						assert.ErrorIs(t, f.err, tt.want)
					}
				})
			})
		}
	}
}

func TestFeedToAFailingWriter(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		f := feed(st2, io.ErrShortWrite)
		settled()
		assert.Zero(t, f.ended)
		write(t, st1, "hello")
		settled()
		assert.Equal(t, 1, f.ended)
		assert.True(t, errors.Is(f.err, io.ErrShortWrite))
		st1.Close()
		st2.Close()
	})
}

// hasty is an eager writer that has room for so much at a time.
type hasty struct {
	fed
	room    []int // of each WriteNow; 0 after that
	nowFail error // when room is used up
	now     int   // calls of WriteNow
}

func (h *hasty) WriteNow(bufs [][]byte) (n int64, err error) {
	h.now++
	if len(h.room) == 0 {
		return 0, h.nowFail
	}
	room := h.room[0]
	h.room = h.room[1:]
	for _, b := range bufs {
		part := b[:min(len(b), room)]
		h.Buffer.Write(part)
		room -= len(part)
		n += int64(len(part))
	}
	return n, nil
}

func TestFeedToAnEagerWriter(t *testing.T) {
	var text strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&text, "%d ", i) // more than a window
	}
	for name, room := range map[string][]int{
		"with room":           {1 << 30, 1 << 30, 1 << 30, 1 << 30},
		"with little":         {1, 2, 3, 40_000, 0, 70_001, 0, 0, 5},
		"with whole pieces":   {wire.MaxPayload, 2 * wire.MaxPayload, 0, wire.MaxPayload},
		"that is always full": {},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, client, agent *Session) {
				st1, st2 := streamPair(t, client, agent)
				h := &hasty{room: room}
				st2.Feed(h, func(n int64, err error) { h.n, h.err = n, err; h.ended++ })
				write(t, st1, text.String())
				require.NoError(t, st1.CloseWrite())
				settled()
				require.Equal(t, 1, h.ended)
				assert.NoError(t, h.err)
				assert.True(t, text.String() == h.String(), "%d of %d bytes, in order", h.Len(), text.Len())
				assert.EqualValues(t, text.Len(), h.n)
				assert.NotZero(t, h.now)
				st1.Close()
				st2.Close()
				assertSettled(t, client, agent)
			})
		})
	}
}

func TestFeedToAnEagerWriterThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		h := &hasty{room: []int{3}, nowFail: io.ErrClosedPipe, fed: fed{fail: io.ErrShortWrite}}
		st2.Feed(h, func(n int64, err error) { h.n, h.err = n, err; h.ended++ })
		write(t, st1, "hel")
		settled()
		write(t, st1, "lo")
		settled()
		assert.Equal(t, 1, h.ended)
		assert.ErrorIs(t, h.err, io.ErrClosedPipe)
		assert.EqualValues(t, 3, h.n)
		st1.Close()
		st2.Close()
		assertSettled(t, client, agent)
	})
}

// closing is an eager writer that closes its stream in the middle.
type closing struct {
	hasty
	st *Stream
}

func (c *closing) WriteNow(bufs [][]byte) (int64, error) {
	c.st.Close()
	return c.hasty.WriteNow(bufs)
}

func TestCloseWhileAnEagerWriterWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		c := &closing{hasty: hasty{room: []int{3}}, st: st2}
		st2.Feed(c, func(n int64, err error) { c.n, c.err = n, err; c.ended++ })
		write(t, st1, strings.Repeat("x", 100<<10))
		settled()
		assert.Equal(t, 1, c.ended)
		assert.ErrorIs(t, c.err, net.ErrClosed)
		assert.EqualValues(t, 3, c.n)
		st1.Close()
		assertSettled(t, client, agent)
	})
}

func TestOnDone(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		var called, undone atomic.Int32
		st2.OnDone(func() { called.Add(1) })
		st2.OnDone(func() { undone.Add(1) })()
		settled()
		assert.Zero(t, called.Load())
		st1.Reset(wire.Canceled, "")
		settled()
		assert.EqualValues(t, 1, called.Load())
		assert.Zero(t, undone.Load())
		st2.OnDone(func() { called.Add(1) })
		settled()
		assert.EqualValues(t, 2, called.Load())
		st2.Close()
	})
}
