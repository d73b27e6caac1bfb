package session

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"github.com/fwdtools/fwd/pkg/wire"
)

// FuzzSessionInput feeds an agent's session, whose application serves every
// stream, what follows a valid greeting. It must end, by itself or with the
// link, and count right while it lasts; synctest finds what hangs.
func FuzzSessionInput(f *testing.F) {
	frames := []wire.Frame{
		wire.Open{Stream: 1, Kind: wire.KindTCP, Address: "a:1"},
		wire.Data{Stream: 1, Payload: []byte("hello")},
		wire.Data{Stream: 1, Payload: make([]byte, 300)}, // short, or Go minimizes for a minute
		wire.Credit{Stream: 1, Consumed: 5, Grow: 1 << 20},
		wire.Data{Stream: 1, FIN: true},
		wire.Open{Stream: 3, Kind: wire.KindResolve, Address: "search"},
		wire.Open{Stream: 5, Kind: wire.KindControl},
		wire.Accept{Stream: 2, Address: "b:1"},
		wire.Credit{Stream: 2, Consumed: 5},
		wire.Data{Stream: 2, FIN: true, Payload: []byte("x")},
		wire.Reset{Stream: 2, Code: wire.ConnRefused, Text: "no"},
		wire.Reset{Stream: 3, Code: wire.Canceled},
		wire.Ping{Data: [8]byte{1}},
		wire.Ping{ACK: true},
		wire.GoAway{Last: 0},
		wire.GoAway{Last: 2, Code: wire.InternalError, Text: "bye"},
	}
	var all []byte
	for _, frame := range frames {
		f.Add(frame.Append(nil))
		f.Add(frame.Append(frames[0].Append(nil)))
		all = frame.Append(all)
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, in []byte) {
		synctest.Test(t, func(t *testing.T) { fuzzSession(t, in) })
	})
}

func fuzzSession(t *testing.T, in []byte) {
	ours, theirs := memPair(0, 0)
	p := newRawPeer(t, wire.RoleClient, Config{Memory: 1 << 20, Streams: 4}, ours, theirs)
	go io.Copy(io.Discard, theirs)
	own, err := p.s.Open(wire.KindTCP, "b:1")
	if err != nil {
		t.Fatal(err)
	}
	own.Write([]byte("12345"))
	go func() {
		io.Copy(io.Discard, own)
		own.Close()
	}()
	go func() {
		for {
			st, err := p.s.Accept(context.Background())
			if err != nil {
				return
			}
			go echo(st)
		}
	}()
	synctest.Wait()
	theirs.Write(in)
	synctest.Wait()

	p.s.mu.Lock()
	held, unsaid, sent := 0, 0, 0
	for _, st := range p.s.streams {
		held += st.rbuf.n
		unsaid += st.consumed
		sent += st.sent
	}
	if p.s.held != held || p.s.unsaid != unsaid || p.s.outstanding != sent || held+unsaid > 1<<20 {
		t.Errorf("session counts held=%d unsaid=%d outstanding=%d, its streams %d, %d, %d",
			p.s.held, p.s.unsaid, p.s.outstanding, held, unsaid, sent)
	}
	if p.s.peerOpen > 4 || p.s.ownOpen > 1 {
		t.Errorf("places: %d of the peer's, %d own", p.s.peerOpen, p.s.ownOpen)
	}
	p.s.mu.Unlock()

	theirs.Close()
	<-p.s.Done()
	if _, err := own.Write([]byte("x")); err == nil {
		t.Error("a stream outlived its session")
	}
}
