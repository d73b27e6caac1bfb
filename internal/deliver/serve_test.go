package deliver

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

var (
	lost = &fwd.ListenError{Mode: wire.Steal, Port: 80, Err: errors.New("session ended")}
	held = &fwd.ListenError{Mode: wire.Steal, Port: 80, Err: &fwd.ResetError{Code: wire.AddrInUse, Text: "held by anna"}}
	no   = &fwd.ListenError{Mode: wire.Steal, Port: 80, Err: &fwd.ResetError{Code: wire.NotPermitted, Text: "no NET_ADMIN"}}
)

func steal(to Destination) Route { return Route{Port: 80, Mode: wire.Steal, To: to} }

func TestServeEndsWithAFirstRefusal(t *testing.T) {
	for _, refusal := range []error{lost, held, no} {
		p := newPod(t)
		p.refuse(refusal)
		err := Serve(context.Background(), zerolog.Nop(), p.listen, []Route{steal(TCP("h:1"))}, func(Route) { panic("ready") })
		assert.Equal(t, refusal, err)
		_, asked := p.made()
		assert.Equal(t, 1, asked)
	}
}

func TestServeCapturesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPod(t)
		stop := p.serving(steal(pipe(nil)), Route{Port: 81, Mode: wire.Mirror, To: pipe(nil)})
		p.refuse(lost)
		began := time.Now()
		for i := range 2 {
			p.capture(i).end(lost.Err)
		}
		time.Sleep(time.Hour)
		p.refuse(nil)
		time.Sleep(lastPause)
		made, asked := p.made()
		assert.Equal(t, 4, made)
		assert.Less(t, asked, 2*int(time.Since(began)/lastPause)+10)
		assert.Equal(t, 2, strings.Count(p.log.String(), "in place again"))
		assert.Equal(t, 2, strings.Count(p.log.String(), "-> pipe: session ended; trying again"), p.log.String())
		require.NoError(t, stop())
		<-p.capture(2).stopc
		<-p.capture(3).stopc
	})
}

// A session that was lost holds its port until the agent has noticed.
func TestServeWaitsForItsOwnStaleCapture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPod(t)
		stop := p.serving(steal(pipe(nil)))
		p.refuse(held)
		p.capture(0).end(lost.Err)
		time.Sleep(16 * time.Second)
		p.refuse(nil)
		time.Sleep(lastPause)
		made, _ := p.made()
		assert.Equal(t, 2, made)
		require.NoError(t, stop())
	})
}

func TestServeGivesUpWhatIsPermanent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			refusal error
			after   time.Duration
		}{{no, firstPause}, {held, staleTime + lastPause}} {
			p := newPod(t)
			errc, readyc := make(chan error, 1), make(chan bool, 2)
			go func() {
				errc <- Serve(context.Background(), zerolog.Nop(), p.listen,
					[]Route{steal(pipe(nil)), {Port: 81, Mode: wire.Mirror, To: pipe(nil)}}, func(Route) { readyc <- true })
			}()
			<-readyc
			<-readyc
			p.refuse(tt.refusal)
			began := time.Now()
			p.capture(0).end(lost.Err)
			assert.Equal(t, tt.refusal, <-errc)
			assert.LessOrEqual(t, time.Since(began), tt.after)
			<-p.capture(1).stopc // the other one is undone
			p.client.Close()
		}
	})
}

// At the end the pod answers at once, and what is under way has its time.
func TestServeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPod(t)
		to := make(pipe, 2)
		stop := p.serving(steal(to))
		finishes, stays := p.call(p.capture(0)), p.call(p.capture(0))
		first, second := <-to, <-to
		stopped := make(chan error, 1)
		began := time.Now()
		go func() { stopped <- stop() }()
		<-p.capture(0).stopc
		assert.Zero(t, time.Since(began))

		time.Sleep(drainTime / 2)
		for _, end := range []*pipeEnd{first, second} {
			go func() {
				io.WriteString(end, "answer")
				end.CloseWrite()
			}()
		}
		finishes.CloseWrite()
		got, err := io.ReadAll(finishes)
		require.NoError(t, err)
		assert.Equal(t, "answer", string(got))
		_, err = io.ReadAll(stays)
		require.NoError(t, err)

		require.NoError(t, <-stopped)
		assert.Equal(t, drainTime, time.Since(began))
		<-stays.Done()
		_, err = stays.Write([]byte("x"))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestServeOnlyOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPod(t)
		to := make(pipe, 1)
		errc, readyc := make(chan error, 1), make(chan bool, 1)
		go func() {
			errc <- Serve(context.Background(), zerolog.Nop(), p.listen,
				[]Route{{Port: 80, Mode: wire.Steal, To: to, Once: true}}, func(Route) { readyc <- true })
		}()
		<-readyc
		st := p.call(p.capture(0))
		end := <-to
		<-p.capture(0).stopc // all others are the pod's

		time.Sleep(time.Hour) // its own time is not bounded
		io.WriteString(st, "question")
		st.CloseWrite()
		got, err := io.ReadAll(end)
		require.NoError(t, err)
		assert.Equal(t, "question", string(got))
		io.WriteString(end, "answer")
		end.CloseWrite()
		got, err = io.ReadAll(st)
		require.NoError(t, err)
		assert.Equal(t, "answer", string(got))
		assert.NoError(t, <-errc)
	})
}

func TestServeReturnsTheOnlyConnectionsError(t *testing.T) {
	p := newPod(t)
	to := make(pipe, 1)
	errc, readyc := make(chan error, 1), make(chan bool, 1)
	go func() {
		errc <- Serve(context.Background(), zerolog.Nop(), p.listen,
			[]Route{{Port: 80, Mode: wire.Mirror, To: to, Once: true}}, func(Route) { readyc <- true })
	}()
	<-readyc
	st := p.call(p.capture(0))
	<-to
	st.Reset(wire.DataLost, "17 bytes were not seen")
	assert.EqualError(t, <-errc, "17 bytes were not seen")
}
