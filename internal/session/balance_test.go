package session

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// After ten thousand streams that ended in every way, nothing is left of them.
func TestNothingIsLeftOfStreams(t *testing.T) {
	const rounds, width = 100, 100
	inBubble(t, func(t *testing.T, client, agent *Session) {
		serve := func(s *Session) {
			for {
				st, err := s.Accept(context.Background())
				if err != nil {
					return
				}
				go serveOne(st)
			}
		}
		go serve(client)
		go serve(agent)
		for round := range rounds {
			s := []*Session{client, agent}[round%2]
			var wg sync.WaitGroup
			for i := range width {
				st, err := s.Open(wire.Kind(i%endings), "")
				require.NoError(t, err)
				wg.Go(func() { useOne(t, st) })
			}
			wg.Wait()
		}
		assertSettled(t, client, agent)
	})
}

const endings = 6

// serveOne ends a stream in the way that its kind says.
func serveOne(st *Stream) {
	defer st.Close()
	switch st.Kind() {
	case 0: // echo
		st.Accept("")
		io.Copy(st, st)
		st.CloseWrite()
	case 1: // refuse
		st.Reset(wire.ConnRefused, "")
	case 2: // read nothing
		st.Accept("")
		st.Write([]byte("bye"))
	case 3: // read some, then reset
		st.Accept("")
		st.Read(make([]byte, 10))
		st.Reset(wire.ConnReset, "")
	case 4: // speak first and wait for the end
		st.Accept("")
		st.Write([]byte("hello"))
		io.Copy(io.Discard, st)
	case 5: // never accept, but read
		io.Copy(io.Discard, st)
	}
}

func useOne(t *testing.T, st *Stream) {
	defer st.Close()
	st.Write(make([]byte, 2000))
	switch st.Kind() {
	case 0:
		assert.NoError(t, st.CloseWrite())
		n, err := io.Copy(io.Discard, st)
		assert.NoError(t, err)
		assert.EqualValues(t, 2000, n)
	case 1, 3:
		_, err := io.Copy(io.Discard, st)
		assert.Error(t, err)
	case 4:
		st.Read(make([]byte, 3))
		st.Reset(wire.Canceled, "")
	}
}

// What was read before a FIN that comes alone is reported with it; else the
// sender would wait for it for ever.
func TestLateFINReportsWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		p.open(0)
		p.sendData(p.own(0), 100)
		st, err := p.s.Accept(context.Background())
		require.NoError(t, err)
		readN(t, st, 100)
		synctest.Wait()
		assert.Empty(t, sent[wire.Credit](p))
		p.send(wire.Data{Stream: p.own(0), FIN: true})
		synctest.Wait()
		assert.Equal(t, []wire.Credit{{Stream: p.own(0), Consumed: 100}}, sent[wire.Credit](p))
		st.Close()
		synctest.Wait()
		assertBalanced(t, p.s)
	})
}

func TestQueueStaysSmall(t *testing.T) {
	q := queue{bit: 1}
	sts := make([]*Stream, 3)
	for i := range sts {
		sts[i] = new(Stream)
		q.push(sts[i])
		q.push(sts[i]) // no effect
	}
	for i := range 100_000 {
		st := q.pop()
		require.Same(t, sts[i%3], st)
		q.push(st)
	}
	assert.Equal(t, 3, q.len())
	assert.Less(t, cap(q.items), 20)
}

func TestChunksShareAndReturnPieces(t *testing.T) {
	var c chunks
	var want, got []byte
	for i := range 5000 {
		b := make([]byte, 1+i*7%97)
		for j := range b {
			b[j] = byte(i + j)
		}
		c.append(b)
		want = append(want, b...)
		if i%5 == 4 {
			b := make([]byte, 200)
			got = append(got, b[:c.read(b)]...)
		}
		require.Equal(t, len(want)-len(got), c.n)
		require.LessOrEqual(t, len(c.list), c.n/smallPiece+2)
	}
	b := make([]byte, len(want))
	got = append(got, b[:c.read(b)]...)
	assert.Equal(t, want, got)
	assert.Equal(t, chunks{}, c)

	c.append([]byte("rest"))
	assert.Equal(t, 4, c.release())
	assert.Equal(t, chunks{}, c)
}
