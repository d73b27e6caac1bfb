package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"time"

	"github.com/fwdtools/fwd/internal/capture"
	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

const (
	// settingsTime is how long a client may take for its settings.
	settingsTime = 10 * time.Second
	// noteEvery is how often a client hears of what has changed.
	noteEvery = time.Second
	// noteTime is how long a note may wait for a client that does not read.
	noteTime = 5 * time.Second
)

// capturing is a capture that is in place.
type capturing interface {
	// Run serves it until it is over and nothing is left of it.
	Run(ctx context.Context) error
	// Stop takes no more connections; those that it has go on.
	Stop() error
	// Abort is Stop that ends what the client has.
	Abort()
	Note() wire.Note
}

var (
	_ capturing = (*capture.Steal)(nil)
	_ capturing = (*capture.Mirror)(nil)
)

// listen captures a port for the client of s, for as long as st lasts. The
// connections that there are then go on: stolen ones until s ends, those that
// went to the app until they or the agent end.
func (a *Agent) listen(ctx context.Context, s *session.Session, st *session.Stream) error {
	warnings := make(chan string, 4)
	c, err := a.capture(s, st, warnings)
	if err != nil {
		refuse(st, err)
		return err
	}
	st.Accept(st.Address())
	runc := make(chan error, 1)
	overc := make(chan struct{})
	a.captures.Go(func() {
		defer close(overc)
		runc <- c.Run(ctx)
	})
	a.captures.Go(func() {
		select {
		case <-s.Done():
			c.Abort()
		case <-overc:
		}
	})
	closed := make(chan error, 1)
	go func() { // ends with st
		_, err := io.Copy(io.Discard, st)
		closed <- err
	}()

	notes := noter{st: st, count: c.Note}
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		select {
		case text := <-warnings:
			notes.send(wire.Note{Warning: text})
		case <-tick.C:
			notes.counts()
		case err := <-runc: // it failed, or the agent is ending
			st.Abort(err)
			return err
		case err := <-closed:
			if err != nil {
				c.Abort()
				return err
			}
			if err := c.Stop(); err != nil {
				st.Abort(err)
				return err
			}
			notes.counts()
			return st.CloseWrite()
		}
	}
}

// capture puts in place what st asks for.
func (a *Agent) capture(s *session.Session, st *session.Stream, warnings chan<- string) (capturing, error) {
	l, err := wire.ParseListen(st.Address())
	if err != nil {
		return nil, unsupported{err}
	}
	set, filter, err := settings(st)
	if err != nil {
		return nil, err
	}
	open := func(caller, local netip.AddrPort) (capture.Stream, error) {
		return s.Open(wire.KindAccepted, wire.Accepted{Listen: st.ID(), Caller: caller, Local: local}.String())
	}
	if l.Mode == wire.Mirror {
		if set.Fallback || set.ResetExisting || set.Forwarded {
			return nil, unsupported{errors.New("fallback, resetExisting and forwarded are for steal: mirroring leaves the pod's traffic alone")}
		}
		return capture.NewMirror(capture.MirrorConfig{Port: l.Port, Filter: filter, Open: open, Tap: openTap})
	}
	return capture.NewSteal(capture.StealConfig{
		Port:          l.Port,
		Filter:        filter,
		Forwarded:     set.Forwarded,
		Fallback:      set.Fallback,
		ResetExisting: set.ResetExisting,
		Open:          open,
		Pod:           pod(set),
		Warn: func(text string) {
			select {
			case warnings <- text:
			default: // nobody reads them any more
			}
		},
	})
}

// settings reads what the client wants.
func settings(st *session.Stream) (wire.Settings, *httpfilter.Filter, error) {
	st.SetReadDeadline(time.Now().Add(settingsTime))
	defer st.SetReadDeadline(time.Time{})
	line, err := bufio.NewReaderSize(st, wire.MaxSettings).ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return wire.Settings{}, nil, unsupported{fmt.Errorf("settings are longer than %d bytes", wire.MaxSettings)}
	case err == io.EOF:
		return wire.Settings{}, nil, unsupported{errors.New("settings end before their newline")}
	case err != nil:
		return wire.Settings{}, nil, fmt.Errorf("read settings: %w", err)
	}
	set, err := wire.ParseSettings(line)
	if err != nil {
		return set, nil, unsupported{err}
	}
	if set.Filter == nil {
		return set, nil, nil
	}
	filter, err := httpfilter.Compile(set.Filter)
	if err != nil {
		return set, nil, unsupported{err}
	}
	return set, filter, nil
}

// unsupported is what a client asks for that this agent does not do.
type unsupported struct{ error }

// refuse says why nothing is captured.
func refuse(st *session.Stream, err error) {
	var what unsupported
	switch text, held := heldBy(err); {
	case errors.As(err, &what):
		st.Reset(wire.Unsupported, what.Error())
	case held:
		st.Reset(wire.AddrInUse, text)
	case errors.Is(err, fs.ErrPermission):
		st.Reset(wire.NotPermitted, err.Error())
	case errors.Is(err, errors.ErrUnsupported):
		st.Reset(wire.Unsupported, err.Error())
	default:
		st.Abort(err)
	}
}
