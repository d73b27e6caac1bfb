package fwd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// streams are the numbers of streams that the agent has, by session, in order.
func streams(all []*session.Session) (out []int) {
	for _, s := range all {
		out = append(out, s.Streams())
	}
	slices.Sort(out)
	return out
}

// A session via portforward gives way to one via proxy, after its last stream.
func TestHasten(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = time.Second
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		old := dial(t, c)
		time.Sleep(2 * time.Second)
		assert.Equal(t, l.second(), last(l.learnt()))
		synctest.Wait()
		assert.Equal(t, l.second(), c.agent.Second)

		young := dial(t, c)
		synctest.Wait()
		assert.Equal(t, []int{1}, streams(l.sessions(&l.portForward)))
		assert.Equal(t, []int{1}, streams(l.sessions(&l.proxy)))
		time.Sleep(time.Hour)
		checkEcho(t, old, true)
		time.Sleep(time.Second)
		assert.Empty(t, l.sessions(&l.portForward), "it is over when its last stream is")
		checkEcho(t, young, true)
		synctest.Wait()
		assert.Len(t, c.alive, 1)
		assert.Len(t, c.rounds, 1)
	})
}

func last[E any](all []E) (e E) {
	if len(all) > 0 {
		e = all[len(all)-1]
	}
	return e
}

func TestHastenInVain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(l *links)
		want   func(l *links) launch.SecondLink // what is remembered
	}{
		{"the link does not work", func(l *links) { l.proxy.fails = errForbidden },
			func(l *links) launch.SecondLink { return l.failed("not permitted") }},
		{"the agent answers no more", func(l *links) { l.proxy.fails, l.answers = errForbidden, 1 },
			func(l *links) launch.SecondLink { return l.second() }},
		{"there is no way to the API server", func(l *links) { l.proxy.fails = &net.OpError{Op: "dial", Err: errForbidden} },
			func(l *links) launch.SecondLink { return l.second() }},
		{"the agent does not know the word", func(l *links) { l.unknown = true },
			func(*links) launch.SecondLink { return launch.SecondLink{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLinks(t)
			tt.change(l)
			synctest.Test(t, func(t *testing.T) {
				c := l.start(ViaAuto, 1)
				defer c.Close()
				checkEcho(t, dial(t, c), false)
				time.Sleep(time.Minute)
				checkEcho(t, dial(t, c), false)
				assert.Equal(t, []int{2}, streams(l.sessions(&l.portForward)))
				assert.Empty(t, l.sessions(&l.proxy))
				assert.Equal(t, tt.want(l), last(l.learnt()))
			})
		})
	}
}

// On a node's network a second port would be the node's.
func TestNoHasteOnANodesNetwork(t *testing.T) {
	l := newLinks(t)
	l.agent.HostNetwork = true
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		checkEcho(t, dial(t, c), true)
		time.Sleep(time.Minute)
		assert.Zero(t, l.tried(&l.proxy))
		assert.Empty(t, l.learnt())
	})
}

// The session that a faster one was made for may have been lost meanwhile, and
// another agent found.
func TestHasteThatCameTooLate(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = time.Minute
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		conn := dial(t, c)
		synctest.Wait() // until proxy is being tried
		l.sessions(&l.portForward)[0].CloseWithError(wire.InternalError, "the pod burns")
		_, err := conn.Read(make([]byte, 1))
		require.ErrorContains(t, err, "the pod burns")

		l.change(func() { l.proxy.fails = errForbidden }) // for the one that comes now
		conn = dial(t, c)
		time.Sleep(2 * time.Minute)
		checkEcho(t, conn, false)
		checkEcho(t, dial(t, c), false)
		assert.Equal(t, []int{2}, streams(l.sessions(&l.portForward)))
		assert.Empty(t, l.sessions(&l.proxy), "it was closed, since it is of the agent of before")
		synctest.Wait()
		assert.Len(t, c.alive, 1)
	})
}

func TestCloseInTheMiddle(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(l *links)
	}{
		{"of the first attempt", func(l *links) { l.portForward.takes = time.Hour }},
		{"of an attempt that does not end with its context", func(l *links) { l.portForward.takes, l.portForward.deaf = time.Minute, true }},
		{"of a race", func(l *links) {
			l.agent.Second = l.second()
			l.proxy.takes, l.portForward.takes = time.Hour, time.Hour
		}},
		{"of a haste", func(l *links) { l.proxy.takes = time.Hour }},
		{"of a haste that does not end with its context", func(l *links) { l.proxy.takes, l.proxy.deaf = time.Minute, true }},
		{"of the question whether the agent is there still", func(l *links) { l.proxy.fails, l.answers = errForbidden, 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLinks(t)
			tt.change(l)
			synctest.Test(t, func(t *testing.T) {
				c := l.start(ViaAuto, 3)
				connected := make(chan error, 1)
				go func() { connected <- c.Connect(context.Background()) }()
				time.Sleep(time.Second)
				require.NoError(t, c.Close())
				<-connected
				assert.Equal(t, net.ErrClosed, c.Connect(context.Background()))
				synctest.Wait()
				assert.Empty(t, c.alive)
				assert.Empty(t, l.sessions(&l.proxy))
				assert.Empty(t, l.sessions(&l.portForward))
				for _, s := range l.learnt() {
					assert.Empty(t, s.Failed, "nothing was found out")
				}
			})
		})
	}
}

func TestSessionThatCannotBeRecordedIsClosed(t *testing.T) {
	l := newLinks(t)
	l.ensured = errors.New("no space left on device")
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		assert.Equal(t, l.ensured, c.Connect(context.Background()))
		synctest.Wait()
		assert.Len(t, l.portForward.ends, 1)
		assert.Empty(t, l.sessions(&l.portForward))
		c.Close()
	})
}

// A stream may be opened on a session that gives way at that moment.
func TestOpenOnASessionThatGaveWay(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = time.Second
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		old, err := c.connect(context.Background())
		require.NoError(t, err)
		time.Sleep(time.Second + time.Millisecond)
		_, err = old.Open(wire.KindTCP, "db:5432")
		assert.True(t, superseded(err), "%v", err)
		_, err = c.listenOn(old, "steal 80", nil)
		assert.True(t, superseded(err), "%v", err)
		checkEcho(t, dial(t, c), true)
	})
}

func TestListenWaitsForTheFastestLink(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = settleTime - time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		ln, err := c.Listen(context.Background(), ListenConfig{Port: 80, Mode: wire.Steal})
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, []int{1}, streams(l.sessions(&l.proxy)))
		assert.Empty(t, l.sessions(&l.portForward))
		ln.Close()
	})
}

// A capture stays on the session that it began on, which ends with it.
func TestListenerOutlivesTheHaste(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = settleTime + time.Second
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		ln, err := c.Listen(context.Background(), ListenConfig{Port: 80, Mode: wire.Steal})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		checkEcho(t, dial(t, c), true)
		require.Len(t, l.sessions(&l.proxy), 1)
		require.Len(t, l.sessions(&l.portForward), 1)

		st := captured(t, l.sessions(&l.portForward)[0], l.first())
		in, err := ln.Accept()
		require.NoError(t, err)
		in.Accept("")
		_, err = st.Connected(context.Background())
		require.NoError(t, err)
		require.NoError(t, ln.Close())
		time.Sleep(time.Second)
		assert.Len(t, l.sessions(&l.portForward), 1, "a captured connection is there still")
		in.Close()
		st.Close()
		time.Sleep(time.Second)
		assert.Empty(t, l.sessions(&l.portForward))
	})
}

// Captures that begin at any moment around the one in which sessions are swapped
// are in place and stay.
func TestListenAroundTheSwap(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = 500 * time.Microsecond
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		var lns []*Listener
		lnc := make(chan *Listener)
		const many = 100
		for i := range many {
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Microsecond)
				s, err := c.connect(context.Background()) // does not wait for the fastest
				var ln *Listener
				for err == nil && ln == nil {
					if ln, err = c.listenOn(s, "steal 80", nil); superseded(err) {
						s, err = c.connect(context.Background())
					}
				}
				assert.NoError(t, err)
				lnc <- ln
			}()
		}
		for range many {
			lns = append(lns, <-lnc)
		}
		time.Sleep(time.Minute)
		old, young := l.sessions(&l.portForward), l.sessions(&l.proxy)
		require.Len(t, old, 1)
		require.Len(t, young, 1)
		assert.Equal(t, many, old[0].Streams()+young[0].Streams())
		assert.NotZero(t, old[0].Streams())
		assert.NotZero(t, young[0].Streams())
		for _, ln := range lns {
			assert.NoError(t, ln.s.Err())
			require.NoError(t, ln.Close())
		}
		time.Sleep(time.Second)
		assert.Empty(t, l.sessions(&l.portForward))
	})
}

func TestParallelSessionsShareStreams(t *testing.T) {
	for _, via := range []Via{ViaAuto, ViaPortForward, ViaProxy} {
		t.Run(string(via), func(t *testing.T) {
			l := newLinks(t)
			synctest.Test(t, func(t *testing.T) {
				c := l.start(via, 3)
				defer c.Close()
				require.NoError(t, c.Connect(context.Background()))
				time.Sleep(time.Second)
				way, other := &l.proxy, &l.portForward
				if via == ViaPortForward {
					way, other = other, way
				}
				require.Len(t, l.sessions(way), 3)
				assert.Empty(t, l.sessions(other))
				for range 6 {
					dial(t, c)
				}
				assert.Equal(t, []int{2, 2, 2}, streams(l.sessions(way)))
				synctest.Wait()
				assert.Len(t, c.alive, 3)

				// One that is lost is replaced when it is missed.
				l.sessions(way)[1].CloseWithError(wire.InternalError, "the cable")
				synctest.Wait()
				checkEcho(t, dial(t, c), false)
				time.Sleep(time.Second)
				assert.Len(t, l.sessions(way), 3)
			})
		})
	}
}

func TestParallelLinkThatCannotBeMade(t *testing.T) {
	l := newLinks(t)
	l.portForward.limit = 1
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaPortForward, 2)
		defer c.Close()
		require.NoError(t, c.Connect(context.Background()))
		for _, tt := range []struct {
			what  string
			tried int
		}{
			{"the first stream, which has a session to itself", 2},
			{"the second", 3},
			{"the third", 4},
		} {
			time.Sleep(time.Minute)
			dial(t, c)
			synctest.Wait()
			assert.Equal(t, tt.tried, l.tried(&l.portForward), tt.what)
		}
		l.change(func() { l.portForward.limit = 0 })
		dial(t, c)
		time.Sleep(time.Minute)
		dial(t, c)
		assert.Equal(t, []int{1, 4}, streams(l.sessions(&l.portForward)))
	})
}

func TestShutdownWaitsForAllSessions(t *testing.T) {
	l := newLinks(t)
	l.proxy.takes = time.Second
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 2)
		old := dial(t, c)
		time.Sleep(2 * time.Second)
		young := dial(t, c)
		done := make(chan error, 1)
		go func() { done <- c.Shutdown(context.Background()) }()
		for _, conn := range []*Conn{old, young} {
			time.Sleep(time.Minute)
			select {
			case err := <-done:
				t.Fatalf("Shutdown() = %v with a stream open", err)
			default:
			}
			checkEcho(t, conn, true)
		}
		assert.NoError(t, <-done)
		synctest.Wait()
		assert.Empty(t, l.sessions(&l.proxy))
		assert.Empty(t, l.sessions(&l.portForward))
	})
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	l := newLinks(t)
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaPortForward, 2)
		require.NoError(t, c.Connect(context.Background()))
		time.Sleep(time.Second)
		dial(t, c)
		dial(t, c)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.ErrorIs(t, c.Shutdown(ctx), context.DeadlineExceeded)
		synctest.Wait()
		assert.Empty(t, l.sessions(&l.portForward))
	})
}

func TestLostSessionIsMadeAnewAndRemembersTheLink(t *testing.T) {
	l := newLinks(t)
	synctest.Test(t, func(t *testing.T) {
		c := l.start(ViaAuto, 1)
		defer c.Close()
		require.NoError(t, c.Connect(context.Background()))
		time.Sleep(time.Second)
		l.change(func() { l.agent.Second = last(l.remembered) }) // as the record has it
		l.sessions(&l.proxy)[0].CloseWithError(wire.InternalError, "the cable")
		synctest.Wait()
		checkEcho(t, dial(t, c), true)
		assert.Equal(t, 1, l.tried(&l.portForward), "the other link is known to work")
		time.Sleep(time.Second)
		assert.Len(t, l.sessions(&l.proxy), 1)
	})
}

// An agent that ends takes all sessions with it; that is one loss to people.
func TestLossOfAnAgentIsSaidOnce(t *testing.T) {
	l := newLinks(t)
	l.agent.Container = "fwd-agent-x"
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		c := l.start(ViaAuto, 1)
		defer c.Close()
		c.log = zerolog.New(&said).Level(zerolog.WarnLevel)
		for range 2 {
			said.Reset()
			dial(t, c)
			time.Sleep(time.Second)
			dial(t, c)
			synctest.Wait()
			require.Len(t, c.alive, 2)
			for _, s := range append(l.sessions(&l.portForward), l.sessions(&l.proxy)...) {
				s.CloseWithError(wire.InternalError, "the pod burns")
			}
			time.Sleep(time.Second)
			synctest.Wait()
			assert.Equal(t, 1, strings.Count(said.String(), "was lost"), said.String())
		}
	})
}
