package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/pkg/wire"
)

// plan is what both ends of a stream do; each end knows both plans, because
// they follow from the number that the stream's address is.
type plan struct {
	size   int       // bytes to write
	write  int       // bytes at most in each Write
	read   int       // bytes at most in each Read
	pause  bool      // be slow now and then
	draw   bool      // Draw instead of Write
	ending ending    // after size bytes
	code   wire.Code // of the reset
}

type ending int

const (
	halfClose ending = iota
	reset
	abandon   // Close without reading on
	endingsOf // their number
)

func plans(seed uint64) (opener, accepter plan) {
	r := rand.New(rand.NewPCG(seed, 0))
	one := func() plan {
		p := plan{
			write: 1<<10 + r.IntN(100<<10),
			read:  1<<10 + r.IntN(100<<10),
			pause: r.IntN(4) == 0,
			draw:  r.IntN(2) == 0,
			code:  wire.ConnReset + wire.Code(r.IntN(10)),
		}
		switch r.IntN(8) {
		case 0, 1, 2:
			p.size, p.write = r.IntN(2000), 1+r.IntN(40)
		case 3:
			p.size = r.IntN(3 << 20)
		default:
			p.size = r.IntN(100 << 10)
		}
		if r.IntN(3) == 0 {
			p.ending = ending(r.IntN(int(endingsOf)))
		}
		return p
	}
	return one(), one()
}

const period = 65521 // a prime, so that no frame or buffer is a multiple

var noise = func() []byte {
	b := make([]byte, period)
	rand.NewChaCha8([32]byte{}).Read(b)
	return bytes.Repeat(b, 3)
}()

// pattern is the n bytes that a direction of a stream carries at offset.
func pattern(seed uint64, offset, n int) []byte {
	begin := (seed%period*257 + uint64(offset)) % period
	return noise[begin:][:n]
}

// modelEnd is one end of a stream that follows its plan.
type modelEnd struct {
	t         *testing.T
	st        *Stream
	seed      uint64 // of the bytes that it writes; ^seed of those it reads
	own, peer plan
	r         *rand.Rand // the writer's
	rr        *rand.Rand // the reader's
}

func newModelEnd(t *testing.T, st *Stream, n uint64, opened bool) *modelEnd {
	e := &modelEnd{t: t, st: st, seed: n}
	e.own, e.peer = plans(n)
	if !opened {
		e.own, e.peer, e.seed = e.peer, e.own, ^n
	}
	e.r, e.rr = rand.New(rand.NewPCG(e.seed, 1)), rand.New(rand.NewPCG(e.seed, 2))
	return e
}

func (e *modelEnd) run() {
	var wg sync.WaitGroup
	wg.Go(e.write)
	wg.Go(e.read)
	wg.Wait()
	assert.NoError(e.t, e.st.Close())
}

func (e *modelEnd) fail(format string, args ...any) {
	e.t.Errorf("stream %s (%+v, peer %+v): %s", e.st.Address(), e.own, e.peer, fmt.Sprintf(format, args...))
}

func (e *modelEnd) write() {
	for sent := 0; sent < e.own.size; {
		var err error
		if e.own.draw {
			err = e.st.Draw(func(b []byte) (int, error) {
				n := copy(b, pattern(e.seed, sent, min(e.r.IntN(1+e.own.write), e.own.size-sent)))
				sent += n
				return n, nil
			})
		} else {
			var n int
			n, err = e.st.Write(pattern(e.seed, sent, min(1+e.r.IntN(e.own.write), e.own.size-sent)))
			sent += n
		}
		if err != nil {
			e.checkError("write", err)
			return
		}
		if e.own.pause && e.r.IntN(8) == 0 {
			time.Sleep(time.Duration(e.r.IntN(50)) * time.Millisecond)
		}
	}
	switch e.own.ending {
	case halfClose:
		if err := e.st.CloseWrite(); err != nil {
			e.checkError("half-close", err)
		}
	case reset:
		e.st.Reset(e.own.code, "as planned")
	case abandon:
		e.st.Close()
	}
}

func (e *modelEnd) read() {
	b := make([]byte, e.own.read)
	for got := 0; ; {
		n, err := e.st.Read(b[:1+e.rr.IntN(len(b))])
		if !bytes.Equal(b[:n], pattern(^e.seed, got, n)) {
			e.fail("bytes differ within %d to %d", got, got+n)
		}
		got += n
		switch {
		case err == io.EOF:
			// An abandoned stream ends with FIN if nothing was lost.
			if got != e.peer.size || e.peer.ending == reset {
				e.fail("io.EOF after %d bytes", got)
			}
			return
		case err != nil:
			e.checkError("read", err)
			return
		}
		if e.own.pause && e.rr.IntN(8) == 0 {
			time.Sleep(time.Duration(e.rr.IntN(50)) * time.Millisecond)
		}
	}
}

// checkError checks that err is one that the plans can lead to.
func (e *modelEnd) checkError(op string, err error) {
	var opErr *net.OpError
	switch {
	case !errors.As(err, &opErr):
		e.fail("%s: %v is no *net.OpError", op, err)
	case errors.Is(err, net.ErrClosed) && e.own.ending != halfClose:
	case e.peer.ending == reset && errors.Is(err, e.peer.code.Errno()):
	case e.peer.ending == abandon && errors.Is(err, syscall.ECONNRESET):
	default:
		e.fail("%s: unexpected %v", op, err)
	}
}

// TestModel opens streams from both sides that write, half-close, reset and
// close at random, and checks every byte and every end.
func TestModel(t *testing.T) {
	const streams, width = 40, 10
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Little memory, so that streams are short of it.
				memory := []int{1 << 20, 3 << 20, 0}[seed%3]
				delay := time.Duration(seed) * 3 * time.Millisecond
				client, agent := pair(t, memLinks(delay), Config{Memory: memory}, Config{Memory: memory})
				var wg sync.WaitGroup
				for i, s := range []*Session{client, agent} {
					other := []*Session{agent, client}[i]
					wg.Go(func() { acceptModel(t, other, streams) })
					for w := range width {
						wg.Go(func() {
							for n := w; n < streams; n += width {
								openModel(t, s, seed<<32|uint64(i)<<16|uint64(n))
							}
						})
					}
				}
				wg.Wait()
				assertSettled(t, client, agent)
			})
		})
	}
}

func openModel(t *testing.T, s *Session, n uint64) {
	st, err := s.Open(wire.KindTCP, strconv.FormatUint(n, 10))
	if assert.NoError(t, err) {
		newModelEnd(t, st, n, true).run()
	}
}

func acceptModel(t *testing.T, s *Session, streams int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range streams {
		st, err := s.Accept(context.Background())
		if !assert.NoError(t, err) {
			return
		}
		st.Accept("")
		n, err := strconv.ParseUint(st.Address(), 10, 64)
		assert.NoError(t, err)
		wg.Go(newModelEnd(t, st, n, false).run)
	}
}
