package session

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// header sends a header and as many bytes as it says.
func (p *rawPeer) header(h wire.Header) {
	p.link.Write(append(h.Append(nil), make([]byte, h.Length)...))
}

// Before each, own(0) is open and taken by the session, theirs(0) is open and
// has carried 10 bytes, and the session holds 3 MiB at most.
var breaches = []struct {
	name string
	do   func(p *rawPeer)
	code wire.Code
}{
	{"oversized frame", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypeData, Length: wire.MaxPayload + 1, Stream: p.own(0)})
	}, wire.ProtocolError},
	{"type 0", func(p *rawPeer) { p.header(wire.Header{Length: 8}) }, wire.ProtocolError},
	{"unknown type", func(p *rawPeer) { p.header(wire.Header{Type: 8, Stream: p.own(0)}) }, wire.ProtocolError},
	{"undefined flag of OPEN", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypeOpen, Flags: 1, Length: 1, Stream: p.own(1)})
	}, wire.ProtocolError},
	{"undefined flag of DATA", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypeData, Flags: 2, Length: 1, Stream: p.own(0)})
	}, wire.ProtocolError},
	{"undefined flag of PING", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypePing, Flags: 3, Length: 8})
	}, wire.ProtocolError},
	{"PING on a stream", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypePing, Length: 8, Stream: p.own(0)})
	}, wire.ProtocolError},
	{"DATA on stream 0", func(p *rawPeer) { p.sendData(0, 1) }, wire.ProtocolError},
	{"empty DATA without FIN", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypeData, Stream: p.own(0)})
	}, wire.ProtocolError},
	{"OPEN without a kind", func(p *rawPeer) {
		p.header(wire.Header{Type: wire.TypeOpen, Stream: p.own(1)})
	}, wire.ProtocolError},
	{"address that is not UTF-8", func(p *rawPeer) {
		p.link.Write([]byte{byte(wire.TypeOpen), 0, 0, 2, 0, 0, 0, byte(p.own(1)), 1, 0xff})
	}, wire.ProtocolError},
	{"ACCEPT that is not UTF-8", func(p *rawPeer) {
		p.link.Write([]byte{byte(wire.TypeAccept), 0, 0, 1, 0, 0, 0, byte(p.theirs(0)), 0xff})
	}, wire.ProtocolError},
	{"RESET that is not UTF-8", func(p *rawPeer) {
		p.link.Write([]byte{byte(wire.TypeReset), 0, 0, 3, 0, 0, 0, byte(p.own(0)), 0, 0, 0xff})
	}, wire.ProtocolError},
	{"GOAWAY that is not UTF-8", func(p *rawPeer) {
		p.link.Write([]byte{byte(wire.TypeGoAway), 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff})
	}, wire.ProtocolError},

	{"OPEN twice", func(p *rawPeer) { p.open(0) }, wire.ProtocolError},
	{"stream ids that fall", func(p *rawPeer) { p.open(5); p.open(4) }, wire.ProtocolError},
	{"stream id of the other side", func(p *rawPeer) {
		p.send(wire.Open{Stream: p.theirs(5), Kind: wire.KindTCP})
	}, wire.ProtocolError},
	{"DATA on the peer's stream that was never opened", func(p *rawPeer) { p.sendData(p.own(7), 1) }, wire.ProtocolError},
	{"DATA on our stream that was never opened", func(p *rawPeer) { p.sendData(p.theirs(1), 1) }, wire.ProtocolError},
	{"ACCEPT of a stream that was never opened", func(p *rawPeer) { p.send(wire.Accept{Stream: p.theirs(1)}) }, wire.ProtocolError},
	{"CREDIT of a stream that was never opened", func(p *rawPeer) {
		p.send(wire.Credit{Stream: p.theirs(1), Consumed: 1})
	}, wire.ProtocolError},
	{"RESET of a stream that was never opened", func(p *rawPeer) { p.send(wire.Reset{Stream: p.own(1)}) }, wire.ProtocolError},

	{"DATA after FIN", func(p *rawPeer) {
		p.send(wire.Data{Stream: p.own(0), FIN: true, Payload: []byte("x")})
		p.sendData(p.own(0), 1)
	}, wire.ProtocolError},
	{"DATA before ACCEPT", func(p *rawPeer) { p.sendData(p.theirs(0), 1) }, wire.ProtocolError},
	{"FIN twice", func(p *rawPeer) {
		p.send(wire.Data{Stream: p.own(0), FIN: true}, wire.Data{Stream: p.own(0), FIN: true})
	}, wire.ProtocolError},
	{"DATA after RESET", func(p *rawPeer) {
		p.sendData(p.own(0), 1) // unread, so that the stream is not over
		p.send(wire.Reset{Stream: p.own(0)})
		p.sendData(p.own(0), 1)
	}, wire.ProtocolError},
	{"ACCEPT twice", func(p *rawPeer) {
		p.send(wire.Accept{Stream: p.theirs(0)}, wire.Accept{Stream: p.theirs(0)})
	}, wire.ProtocolError},
	{"ACCEPT on its own stream", func(p *rawPeer) { p.send(wire.Accept{Stream: p.own(0)}) }, wire.ProtocolError},

	{"window overrun", func(p *rawPeer) { p.sendData(p.own(0), wire.MinWindow+1) }, wire.FlowControl},
	{"memory overrun", func(p *rawPeer) {
		p.open(1)
		p.open(2)
		p.open(3)
		for n := range 4 {
			p.sendData(p.own(n), 800<<10)
		}
	}, wire.FlowControl},
	{"CREDIT over what was sent", func(p *rawPeer) {
		p.send(wire.Credit{Stream: p.theirs(0), Consumed: 11})
	}, wire.FlowControl},
	{"CREDIT twice for the same", func(p *rawPeer) {
		p.send(wire.Credit{Stream: p.theirs(0), Consumed: 10}, wire.Credit{Stream: p.theirs(0), Consumed: 10})
	}, wire.FlowControl},
	{"CREDIT that says nothing", func(p *rawPeer) { p.send(wire.Credit{Stream: p.theirs(0)}) }, wire.ProtocolError},
	{"window over 16 MiB", func(p *rawPeer) {
		p.send(wire.Credit{Stream: p.theirs(0), Grow: 8 << 20}, wire.Credit{Stream: p.theirs(0), Grow: 8<<20 - wire.MinWindow + 1})
	}, wire.FlowControl},
	{"window over 32 bits", func(p *rawPeer) { p.send(wire.Credit{Stream: p.theirs(0), Grow: 1<<32 - 1}) }, wire.FlowControl},
}

func TestBreachEndsTheSession(t *testing.T) {
	for _, tt := range breaches {
		t.Run(tt.name, func(t *testing.T) {
			bothRoles(t, func(t *testing.T, role wire.Role) {
				synctest.Test(t, func(t *testing.T) { testBreach(t, role, tt.do, tt.code) })
			})
		})
	}
}

func testBreach(t *testing.T, role wire.Role, do func(*rawPeer), code wire.Code) {
	p := memPeer(t, role, Config{Memory: 3 * wire.MinWindow})
	p.open(0)
	taken, err := p.s.Accept(context.Background())
	require.NoError(t, err)
	opened, err := p.s.Open(wire.KindTCP, "b:1")
	require.NoError(t, err)
	_, err = opened.Write(make([]byte, 10))
	require.NoError(t, err)
	synctest.Wait()
	require.NoError(t, p.s.Err())

	do(p)
	<-p.s.Done()
	p.s.Close()
	synctest.Wait()

	assert.Equal(t, code, p.goneAway())
	var end *Error
	require.ErrorAs(t, p.s.Err(), &end)
	assert.Equal(t, code, end.Code)
	assert.False(t, end.Remote)
	assertLost(t, opened, code)
	if !taken.finRecv && taken.reset == nil {
		assertLost(t, taken, code)
	}
	_, err = p.s.Accept(context.Background())
	assert.ErrorIs(t, err, end)
	_, err = p.s.Open(wire.KindTCP, "")
	assert.ErrorIs(t, err, end)
}

// What is just within the rules does not end the session.
func TestLimitsMayBeReached(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{Memory: 3 * wire.MinWindow})
			for n := range 3 {
				p.open(n)
				p.sendData(p.own(n), wire.MinWindow)
			}
			st, err := p.s.Open(wire.KindTCP, "")
			require.NoError(t, err)
			_, err = st.Write(make([]byte, 10))
			require.NoError(t, err)
			synctest.Wait()
			p.send(wire.Credit{Stream: p.theirs(0), Consumed: 10, Grow: wire.MaxWindow - wire.MinWindow})
			synctest.Wait()
			assert.NoError(t, p.s.Err())
			assert.Equal(t, 3*wire.MinWindow, p.s.held)
			assert.Equal(t, wire.MaxWindow, st.window)
			assert.Zero(t, p.s.outstanding)
		})
	})
}

// What was consumed and reported may be sent again.
func TestCreditIsWhatIsHeldAgainst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := memPeer(t, wire.RoleClient, Config{})
		p.open(0)
		p.sendData(p.own(0), wire.MinWindow)
		st, err := p.s.Accept(context.Background())
		require.NoError(t, err)
		readN(t, st, wire.MinWindow/3)
		synctest.Wait()
		credits := sent[wire.Credit](p)
		require.NotEmpty(t, credits)
		total := 0
		for _, f := range credits {
			total += int(f.Consumed)
		}
		p.sendData(p.own(0), total)
		synctest.Wait()
		require.NoError(t, p.s.Err())
		p.sendData(p.own(0), 1)
		synctest.Wait()
		assert.Equal(t, wire.FlowControl, p.goneAway())
	})
}

// A frame for a stream that is over is ignored.
func TestFramesAfterTheEndAreIgnored(t *testing.T) {
	bothRoles(t, func(t *testing.T, role wire.Role) {
		synctest.Test(t, func(t *testing.T) {
			p := memPeer(t, role, Config{})
			p.open(0)
			st, err := p.s.Accept(context.Background())
			require.NoError(t, err)
			st.Reset(wire.ConnRefused, "")
			own, err := p.s.Open(wire.KindTCP, "")
			require.NoError(t, err)
			own.Reset(wire.Canceled, "")
			synctest.Wait()
			for _, id := range []uint32{p.own(0), p.theirs(0)} {
				p.sendData(id, 2*wire.MinWindow)
				p.send(wire.Data{Stream: id, FIN: true}, wire.Credit{Stream: id, Consumed: 9}, wire.Reset{Stream: id})
			}
			p.send(wire.Accept{Stream: p.theirs(0)})
			synctest.Wait()
			assertBalanced(t, p.s)
		})
	})
}
