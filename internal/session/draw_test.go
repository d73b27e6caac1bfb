package session

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// socket is a source of n bytes, and of err after that.
type socket struct {
	n, read int
	err     error
}

func (s *socket) Read(b []byte) (int, error) {
	n := min(len(b), s.n-s.read)
	for i := range b[:n] {
		b[i] = byte((s.read + i) % 251)
	}
	s.read += n
	if n == 0 {
		return 0, s.err
	}
	return n, nil
}

func (s *socket) all() string {
	b, _ := io.ReadAll(&socket{n: s.n, err: io.EOF})
	return string(b)
}

func TestDrawSendsAll(t *testing.T) {
	for name, size := range map[string]int{
		"nothing":            0,
		"a byte":             1,
		"the first piece":    drawFirst,
		"a byte more":        drawFirst + 1,
		"a frame more":       drawFirst + drawSize,
		"more than a window": 3 * wire.MinWindow,
	} {
		for end, err := range map[string]error{"for now": nil, "the end": io.EOF, "a failure": errors.New("broken")} {
			t.Run(name+", "+end, func(t *testing.T) {
				inBubble(t, func(t *testing.T, client, agent *Session) {
					st1, st2 := streamPair(t, client, agent)
					src := &socket{n: size, err: err}
					go func() {
						defer st1.CloseWrite()
						write(t, st1, "before, ")
						for src.read < size {
							if got := st1.Draw(src.Read); got != nil {
								assert.Equal(t, err, got)
								assert.Equal(t, size, src.read)
							}
						}
						assert.Equal(t, err, st1.Draw(src.Read), "when there is no more")
						write(t, st1, ", after")
					}()
					assertReads(t, st2, "before, "+src.all()+", after")
					st1.Close()
					st2.Close()
					assertSettled(t, client, agent)
				})
			})
		}
	}
}

// What may not be sent is left where it is.
func TestDrawReadsNoMoreThanItMaySend(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		src := &socket{n: 4 * wire.MinWindow, err: io.EOF}
		go func() {
			var err error
			for err == nil {
				err = st1.Draw(src.Read)
			}
			assert.Equal(t, io.EOF, err)
			st1.CloseWrite()
		}()
		settled()
		assert.Equal(t, wire.MinWindow, src.read)
		assert.Nil(t, st1.sbuf)
		assertReads(t, st2, src.all())
	})
}

func TestDrawThatWaitsIsEnded(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(st1, st2 *Stream)
		want error
	}{
		"by the peer's reset":     {func(_, st2 *Stream) { st2.Reset(wire.ConnReset, "") }, syscall.ECONNRESET},
		"by Close":                {func(st1, _ *Stream) { st1.Close() }, net.ErrClosed},
		"by Reset":                {func(st1, _ *Stream) { st1.Reset(wire.ConnReset, "") }, net.ErrClosed},
		"by CloseWrite":           {func(st1, _ *Stream) { st1.CloseWrite() }, net.ErrClosed},
		"by its deadline":         {func(st1, _ *Stream) { st1.SetWriteDeadline(time.Now().Add(time.Second)) }, deadlineError},
		"by the session's end":    {func(st1, _ *Stream) { go st1.s.Close() }, ErrClosed},
		"by the other one's word": {func(_, st2 *Stream) { go st2.s.CloseWithError(wire.InternalError, "fire") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, client, agent *Session) {
				st1, st2 := streamPair(t, client, agent)
				src := &socket{n: 4 * wire.MinWindow}
				errc := make(chan error, 1)
				go func() { errc <- st1.Draw(src.Read) }()
				settled()
				tt.end(st1, st2)
				settled()
				require.Len(t, errc, 1)
				err := <-errc
				if tt.want != nil {
					assert.ErrorIs(t, err, tt.want)
				} else {
					assert.ErrorContains(t, err, "fire")
				}
				assert.Equal(t, wire.MinWindow, src.read)
				assert.Error(t, st1.Draw(func([]byte) (int, error) { panic("nothing may be read") }))
			})
		})
	}
}

// Whatever happens while the source is being read, Draw returns after that, and
// the peer sees the end that it should.
func TestEndWhileTheSourceIsRead(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(st1, st2 *Stream)
		want string // what the peer reads after the first piece
		err  error
	}{
		"CloseWrite": {func(st1, _ *Stream) { st1.CloseWrite() }, "late", nil},
		"Close":      {func(st1, _ *Stream) { st1.Close() }, "late", nil},
		"Reset":      {func(st1, _ *Stream) { st1.Reset(wire.ConnReset, "") }, "", syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, client, agent *Session) {
				st1, st2 := streamPair(t, client, agent)
				first := strings.Repeat("x", drawFirst)
				reads := 0
				var returned bool
				errc := make(chan error, 1)
				go func() {
					errc <- st1.Draw(func(b []byte) (int, error) {
						reads++
						if reads == 1 {
							return copy(b, first), nil
						}
						time.Sleep(5 * time.Second)
						assert.False(t, returned)
						return copy(b, "late"), nil
					})
					returned = true
				}()
				time.Sleep(time.Second)
				synctest.Wait()
				require.Equal(t, 2, reads)
				tt.end(st1, st2)
				var got bytes.Buffer
				_, err := io.Copy(&got, st2)
				if tt.err == nil {
					assert.NoError(t, err)
				} else {
					assertErrno(t, err, "read", syscall.ECONNRESET)
				}
				assert.Equal(t, first+tt.want, got.String())
				settled()
				<-errc
				st1.Close()
				st2.Close()
				assertSettled(t, client, agent)
			})
		})
	}
}

// The last words of a session that ends while a source is read are heard.
func TestLastWordsWhileTheSourceIsRead(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		st1, st2 := streamPair(t, client, agent)
		go st1.Draw(func(b []byte) (int, error) {
			if len(b) > drawFirst {
				time.Sleep(100 * time.Millisecond)
			}
			return len(b), nil
		})
		time.Sleep(50 * time.Millisecond)
		go client.CloseWithError(wire.InternalError, "fire")
		_, err := io.Copy(io.Discard, st2)
		assert.ErrorContains(t, err, "fire")
	})
}
