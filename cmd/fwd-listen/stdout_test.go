package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/wire"
)

var (
	caller = netip.MustParseAddrPort("10.1.0.7:4711")
	local  = netip.MustParseAddrPort("10.1.0.9:80")
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// process is what a test sees of standard input and output.
type process struct {
	ctx   context.Context
	end   context.CancelCauseFunc
	stdin *os.File // to be written
	read  *os.File // standard output
	env   cli.Env
	out   *output
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := &process{}
	p.env.Stdin, p.stdin = pipe(t)
	p.read, p.env.Stdout = pipe(t)
	p.ctx, p.end = context.WithCancelCause(context.Background())
	t.Cleanup(func() { p.end(nil) })
	p.out = newOutput(p.ctx, p.env.Stdout, p.end)
	return p
}

// route is the one that pl has for standard output.
func (p *process) route(pl plan, mode wire.Mode) deliver.Route {
	r := deliver.Route{Port: 80, Mode: mode}
	pl.toStdout(&r, p.env, p.out)
	return r
}

func open(t *testing.T, r deliver.Route) relay.Conn {
	t.Helper()
	conn, err := r.To.Open(t.Context(), caller, local)
	require.NoError(t, err)
	return conn
}

func reads(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	assert.Equal(t, want, string(b))
}

func TestOnlyConnectionIsStandardInputAndOutput(t *testing.T) {
	p := newProcess(t)
	r := p.route(plan{}, wire.Steal)
	assert.True(t, r.Once)
	assert.True(t, r.Settings.Fallback, "the pod gets those that come too many")
	conn := open(t, r)
	io.WriteString(conn, "question")
	reads(t, p.read, "question")
	io.WriteString(p.stdin, "answer")
	reads(t, conn, "answer")
	require.NoError(t, conn.CloseWrite())
	_, err := p.read.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF, "its reader need not wait for the end of the answer")
	p.stdin.Close()
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
}

func TestOnlyMirroredConnectionReadsNoInput(t *testing.T) {
	p := newProcess(t)
	r := p.route(plan{}, wire.Mirror)
	assert.False(t, r.Settings.Fallback)
	conn := open(t, r)
	io.WriteString(p.stdin, "left alone")
	_, err := conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
	reads(t, p.env.Stdin, "left alone")
}

func TestConnectionsTakeTurns(t *testing.T) {
	p := newProcess(t)
	r := p.route(plan{keep: true}, wire.Steal)
	assert.False(t, r.Once)
	first := open(t, r)

	opened := make(chan relay.Conn, 1)
	go func() {
		conn, _ := r.To.Open(t.Context(), caller, local)
		opened <- conn
	}()
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := r.To.Open(gone, caller, local)
	assert.ErrorIs(t, err, context.Canceled)

	io.WriteString(p.stdin, "for the first")
	reads(t, first, "for the first")
	reading := make(chan error, 1)
	go func() { _, err := first.Read(make([]byte, 1)); reading <- err }()
	require.NoError(t, first.CloseWrite())
	first.Abort(nil)
	require.Error(t, <-reading)
	second := <-opened
	io.WriteString(p.stdin, "for the second")
	reads(t, second, "for the second")
	io.WriteString(second, "still open")
	reads(t, p.read, "still open")
}

func TestRecordOfManyAtOnce(t *testing.T) {
	p := newProcess(t)
	r := p.route(plan{format: "jsonl"}, wire.Steal)
	first, second := open(t, r), open(t, r)
	io.WriteString(second, "two")
	io.WriteString(first, "one")
	require.NoError(t, second.CloseWrite())
	_, err := second.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF, "its caller is let go")
	second.Close()
	first.Abort(errors.New("12 bytes were not seen"))
	open(t, r).Abort(nil)
	var lines []string
	for in := bufio.NewScanner(p.read); len(lines) < 8 && in.Scan(); {
		lines = append(lines, in.Text())
	}
	require.Len(t, lines, 8)
	for i, want := range []string{
		`"open","id":1`, `"open","id":2`, `"data","id":2`, `"data","id":1`, `"close","id":2`,
		`"close","id":1`, `"open","id":3`, `"error":"capture ended"`,
	} {
		assert.Contains(t, lines[i], want)
	}
	assert.Contains(t, lines[5], `"error":"12 bytes were not seen"`)
}

func TestRecordBeginsBeforeConnections(t *testing.T) {
	p := newProcess(t)
	r := p.route(plan{format: "pcap"}, wire.Mirror)
	_, err := r.To.(*record).start()
	require.NoError(t, err)
	reads(t, p.read, "\x4d\x3c\xb2\xa1\x02\x00\x04\x00")
}

func TestEndOfTheReaderEndsAll(t *testing.T) {
	for name, pl := range map[string]plan{"a format": {format: "jsonl"}, "-k": {keep: true}, "one": {}} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t)
			p.route(pl, wire.Mirror)
			p.read.Close()
			<-p.ctx.Done() // although nothing is written
			assert.NoError(t, pl.ended(context.Cause(p.ctx)))
		})
	}
	t.Run("with a write", func(t *testing.T) {
		p := newProcess(t)
		conn := open(t, p.route(plan{keep: true}, wire.Steal))
		p.read.Close()
		_, err := conn.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
		assert.NoError(t, plan{}.ended(&relay.Error{Conn: conn, Op: "write", Err: err}))
		<-p.ctx.Done()
	})
}

// A reader that has stopped reading does not keep the command from ending.
func TestWriteIsGivenUpAtTheEnd(t *testing.T) {
	p := newProcess(t)
	conn := open(t, p.route(plan{}, wire.Mirror))
	wrote := make(chan error, 1)
	go func() {
		for {
			if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
				wrote <- err
				return
			}
		}
	}()
	p.end(nil)
	begin := time.Now()
	require.ErrorIs(t, <-wrote, os.ErrClosed)
	assert.Less(t, time.Since(begin), 10*patience)
	_, err := conn.Write([]byte("x"))
	assert.ErrorIs(t, err, os.ErrClosed)
	p.read.Close() // for the writer
}

func TestEnded(t *testing.T) {
	p := plan{routes: []deliver.Route{{Port: 80}}}
	assert.NoError(t, p.ended(nil))
	assert.EqualError(t, p.ended(&relay.Error{Op: "read", Err: syscall.ECONNRESET}), "port 80: connection reset by peer")
	assert.EqualError(t, p.ended(&relay.Error{Op: "write", Err: &outputError{syscall.ENOSPC}}), "write standard output: no space left on device")
	assert.EqualError(t, p.ended(errors.New("what")), "what")
}
