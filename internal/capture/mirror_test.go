package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

var (
	someone = netip.MustParseAddrPort("192.0.2.1:1234")
	here    = netip.MustParseAddrPort("10.0.0.1:80")
)

// fakeTap is a tap that the test fills.
type fakeTap struct {
	begin   func(caller, local netip.AddrPort) Sink
	dropped atomic.Uint64
	orphans atomic.Uint64
}

func (f *fakeTap) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (f *fakeTap) Dropped() uint64               { return f.dropped.Load() }
func (f *fakeTap) Orphans() uint64               { return f.orphans.Load() }

// mirroring is a Mirror that runs.
type mirroring struct {
	*Mirror
	tap    *fakeTap
	client *session.Session
	runc   chan error
	cancel context.CancelFunc
}

func mirror(t *testing.T) *mirroring {
	t.Helper()
	return mirrorWhat(t, nil)
}

func mirrorWhat(t *testing.T, filter *httpfilter.Filter) *mirroring {
	t.Helper()
	mi := &mirroring{tap: new(fakeTap), runc: make(chan error, 1)}
	var open Open
	open, _, mi.client = pair(t)
	m, err := NewMirror(MirrorConfig{Port: 80, Filter: filter, Open: open, Tap: func(_ uint16, begin func(caller, local netip.AddrPort) Sink) (Tap, error) {
		mi.tap.begin = begin
		return mi.tap, nil
	}})
	require.NoError(t, err)
	mi.Mirror = m
	ctx, cancel := context.WithCancel(context.Background())
	mi.cancel = cancel
	done := make(chan struct{})
	go func() { mi.runc <- m.Run(ctx); close(done) }()
	eventually(t, func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.ctx != nil }, "it runs")
	t.Cleanup(func() { cancel(); <-done })
	return mi
}

func TestMirrorCopiesWhatACallerSends(t *testing.T) {
	mi := mirror(t)
	sink := mi.tap.begin(someone, here)
	sink.Write([]byte("be"))
	st, a := accept(t, mi.client)
	assert.Equal(t, wire.Accepted{Listen: listenID, Caller: someone, Local: here}, a)
	st.Accept("")
	_, err := io.WriteString(st, "an answer that nobody wants")
	require.NoError(t, err)
	sink.Write([]byte("gin"))
	sink.End(nil)
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "begin", string(got))
	require.NoError(t, st.CloseWrite())
	require.NoError(t, mi.Stop())
	assert.NoError(t, within(t, mi.runc))
	assert.Equal(t, wire.Note{Connections: 1}, mi.Note())
	assert.Zero(t, mi.held.n.Load())
}

func TestMirrorEndsAsTheCallerDoes(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		code wire.Code
		text string
		lost uint64
	}{
		{"reset", syscall.ECONNRESET, wire.ConnReset, "", 0},
		{"bytes were not seen", errors.New("7 bytes were not seen"), wire.DataLost, "7 bytes were not seen", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mi := mirror(t)
			sink := mi.tap.begin(someone, here)
			sink.Write([]byte("all that came"))
			sink.End(tt.err)
			st, _ := accept(t, mi.client)
			st.Accept("")
			got, err := io.ReadAll(st)
			assert.Equal(t, "all that came", string(got))
			var reset *session.ResetError
			require.ErrorAs(t, err, &reset)
			assert.Equal(t, session.ResetError{Code: tt.code, Text: tt.text}, *reset)
			eventually(t, func() bool { return mi.Note() == wire.Note{Connections: 1, Lost: tt.lost} }, "it is counted")
		})
	}
}

// A caller may be gone before its request has been looked at: all that it sent
// comes out of the tap at once.
func TestMirrorChoosesFromCallersThatAreGone(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, tt := range []struct {
		name string
		err  error
		code wire.Code
		lost uint64
	}{
		{"reset", syscall.ECONNRESET, wire.ConnReset, 0},
		{"bytes were not seen", errors.New("7 bytes were not seen"), wire.DataLost, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			filter, err := httpfilter.Compile(&wire.Filter{Method: "GET"})
			require.NoError(t, err)
			mi := mirrorWhat(t, filter)
			sink := mi.tap.begin(someone, here)
			sink.Write([]byte(request))
			sink.End(tt.err)
			st, _ := accept(t, mi.client)
			st.Accept("")
			got, err := io.ReadAll(st)
			assert.Equal(t, request, string(got))
			var reset *session.ResetError
			require.ErrorAs(t, err, &reset)
			assert.Equal(t, tt.code, reset.Code)
			eventually(t, func() bool { return mi.Note() == wire.Note{Connections: 1, Requests: 1, Lost: tt.lost} }, "it is counted")
		})
	}
}

func TestMirrorWaitsForNobody(t *testing.T) {
	mi := mirror(t)
	slow := mi.tap.begin(someone, here)
	st, _ := accept(t, mi.client)
	st.Accept("")
	for range 64 {
		slow.Write(make([]byte, 1<<20))
	}
	other := mi.tap.begin(someone, here)
	other.Write([]byte("unharmed"))
	other.End(nil)
	st2, _ := accept(t, mi.client)
	st2.Accept("")
	got, err := io.ReadAll(st2)
	require.NoError(t, err)
	assert.Equal(t, "unharmed", string(got))
	_, err = io.Copy(io.Discard, st)
	var reset *session.ResetError
	require.ErrorAs(t, err, &reset)
	assert.Equal(t, wire.DataLost, reset.Code)
	assert.Regexp(t, `^the local side takes it too slowly: \d+ bytes not copied$`, reset.Text)
	eventually(t, func() bool { return mi.Note() == wire.Note{Connections: 2, Lost: 1} }, "it is counted")
	assert.Zero(t, mi.held.n.Load())
}

func TestMirrorCountsWhatTheClientRefuses(t *testing.T) {
	mi := mirror(t)
	sink := mi.tap.begin(someone, here)
	sink.Write([]byte("hello"))
	st, _ := accept(t, mi.client)
	st.Reset(wire.ConnRefused, "")
	eventually(t, func() bool { return mi.Note().Lost == 1 }, "it is counted")
	sink.Write([]byte("for nobody"))
	sink.End(nil)
	mi.tap.dropped.Store(3)
	mi.tap.orphans.Store(2)
	assert.Equal(t, wire.Note{Connections: 3, Lost: 3, Dropped: 3}, mi.Note(), "with those that nobody saw begin")
	assert.Zero(t, mi.held.n.Load())
}

func TestMirrorAccountsForEachOfMany(t *testing.T) {
	const many = 10_000
	mi := mirror(t)
	var whole atomic.Uint64
	go func() {
		for {
			st, err := mi.client.Accept(context.Background())
			if err != nil {
				return
			}
			go func() {
				defer st.Close()
				st.Accept("")
				if got, err := io.ReadAll(st); err == nil && bytes.Equal(got, []byte("request")) {
					whole.Add(1)
				}
			}()
		}
	}()
	for range many {
		sink := mi.tap.begin(someone, here)
		sink.Write([]byte("request"))
		sink.End(nil)
	}
	eventually(t, func() bool { return whole.Load()+mi.Note().Lost == many }, "all are accounted for")
	require.NoError(t, mi.Stop())
	assert.NoError(t, within(t, mi.runc))
	assert.EqualValues(t, many, whole.Load()+mi.Note().Lost)
	assert.EqualValues(t, many, mi.Note().Connections)
	t.Logf("%d of %d copied", whole.Load(), many)
}

func TestMirrorGoesOnWithWhatItHas(t *testing.T) {
	mi := mirror(t)
	sink := mi.tap.begin(someone, here)
	st, _ := accept(t, mi.client)
	st.Accept("")
	require.NoError(t, mi.Stop())
	assert.Equal(t, nobody{}, mi.tap.begin(someone, here))
	sink.Write([]byte("more"))
	sink.End(nil)
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "more", string(got))
	st.Close()
	assert.NoError(t, within(t, mi.runc))
}

func TestMirrorEndsWithItsSession(t *testing.T) {
	mi := mirror(t)
	mi.tap.begin(someone, here)
	st, _ := accept(t, mi.client)
	st.Accept("")
	mi.Abort()
	_, err := st.Read(make([]byte, 1))
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.NoError(t, within(t, mi.runc))
}
