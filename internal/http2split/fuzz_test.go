package http2split

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// script is a connection that says what it was given, and then waits for its
// end. What it is told is dropped.
type script struct {
	io.Reader
	endc chan struct{} // closed when it says no more
	end  func()
}

func newScript(b []byte) *script {
	s := &script{Reader: bytes.NewReader(b), endc: make(chan struct{})}
	s.end = sync.OnceFunc(func() { close(s.endc) })
	return s
}

func (s *script) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err == io.EOF {
		<-s.endc
	}
	return n, err
}

func (s *script) Write(b []byte) (int, error) {
	select {
	case <-s.endc:
		return 0, errors.New("closed")
	default:
		return len(b), nil
	}
}

func (s *script) CloseWrite() error { s.end(); return nil }
func (s *script) Close() error      { s.end(); return nil }
func (s *script) Abort(error)       { s.end() }

// FuzzSplit goes through states as goroutines happen to meet, so no input can
// be made smaller: run it with -fuzzminimizetime 1x.
func FuzzSplit(f *testing.F) {
	var t testing.T
	seed := func(speak func(*end)) []byte {
		b := new(bytes.Buffer)
		e := &end{t: &t, Framer: http2.NewFramer(b, nil)}
		e.AllowIllegalWrites = true
		e.enc = hpack.NewEncoder(&e.buf)
		speak(e)
		return b.Bytes()
	}
	settings := func(e *end) {
		e.WriteSettings(http2.Setting{ID: 4, Val: 20}, http2.Setting{ID: 1, Val: 100})
		e.WriteSettingsAck()
	}
	f.Add(seed(func(e *end) {
		settings(e)
		everything(e, 1)
		e.request(7, false, "client")
		e.WriteData(7, true, make([]byte, 99))
	}),
		seed(func(e *end) { settings(e); everything(e, 1); e.WriteGoAway(3, 0, nil) }),
		seed(func(e *end) { settings(e); everything(e, 7); e.WriteGoAway(7, 0, nil) }))
	f.Add(seed(func(e *end) {
		settings(e)
		for id := uint32(1); id < 20; id += 2 {
			e.request(id, id%3 == 0, sides[id/2%2])
			e.WriteDataPadded(id, false, make([]byte, 3000), make([]byte, id))
			e.WriteWindowUpdate(id, 5)
			e.WriteRSTStream(id/2|1, http2.ErrCodeCancel)
		}
	}), seed(func(e *end) {
		settings(e)
		e.headers(1, false, ":status=200")
		e.WriteData(1, true, make([]byte, 9))
		e.WriteWindowUpdate(0, maxID)
	}),
		seed(func(e *end) {
			settings(e)
			e.headers(3, false, ":status=200")
			e.WriteData(3, true, make([]byte, 9))
			e.WriteRSTStream(7, 1)
		}))
	f.Fuzz(func(t *testing.T, callerSays, appSays, clientSays []byte) {
		for _, fallback := range []bool{false, true} {
			caller := newScript(append([]byte(preface), callerSays...))
			var mu sync.Mutex
			var all []*script
			open := func(says []byte) func() (relay.Conn, error) {
				return func() (relay.Conn, error) {
					s := newScript(says)
					mu.Lock()
					defer mu.Unlock()
					if all = append(all, s); fallback && len(all) > 1 {
						return nil, errors.New("refused")
					}
					return s, nil
				}
			}
			donec := make(chan struct{})
			go func() {
				Split(caller, Config{Filter: toClient(t), App: open(appSays), Client: open(clientSays), Fallback: fallback})
				close(donec)
			}()
			caller.end()
			hung := time.AfterFunc(patience, func() { panic("Split hangs") })
			for over := false; !over; {
				select {
				case <-donec:
					over = true
				case <-time.After(10 * time.Millisecond): // a client need not take all
					mu.Lock()
					for _, s := range all {
						s.end()
					}
					mu.Unlock()
				}
			}
			if !fallback {
				Pick(bytes.NewReader(append([]byte(preface), callerSays...)), toClient(t), func() (io.ReadWriteCloser, error) {
					s := newScript(clientSays)
					time.AfterFunc(10*time.Millisecond, s.end)
					return s, nil
				}, nil)
			}
			hung.Stop()
		}
	})
}
