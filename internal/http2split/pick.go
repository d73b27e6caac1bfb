package http2split

import (
	"errors"
	"io"
	"time"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
)

// maxCopied is how many bytes of a copy may wait for the local side's windows,
// for stallTime at most.
const maxCopied = 1 << 20

var errSlow = errors.New("the local side takes it too slowly")

// Pick copies the requests that match from src, which is what a caller sends
// from the preface on, to the connection that open gives at the first match. It
// returns when src has ended and what was picked is written.
//
// The connection has settings and windows of its own, so Pick reads from it, and
// drops what it is answered. It does not close the connection unless it fails;
// what reads from it ends when it is closed.
func Pick(src io.Reader, filter *httpfilter.Filter, open func() (io.ReadWriteCloser, error), matched func()) error {
	opened := false
	s := newSplit(source{src}, Config{
		Filter:  filter,
		Matched: matched,
		Client: func() (relay.Conn, error) {
			if opened {
				return nil, errors.New("the local side takes no more requests")
			}
			opened = true
			conn, err := open()
			return copied{conn}, err
		},
	})
	s.mirror = true
	s.caller.out.deaf = true
	s.app.out = newOutbound(&s.mu, nil)
	s.app.out.deaf = true
	s.app.out.encode()
	s.caller.in.frames.Store(1<<24 - 1) // what the app has allowed is not seen
	s.caller.in.table.Store(maxTable)
	return s.pick()
}

func (s *split) pick() error {
	err := s.readPreface()
	for err == nil {
		var f *frame
		if f, err = s.caller.in.next(); err != nil {
			break
		}
		s.decide(f)
		s.mu.Lock()
		if err = s.fromCaller(f); err == nil {
			s.waitForClients(maxCopied)
			err = s.err
		}
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callerGone = true
	if err == io.EOF {
		s.waitForClients(0)
		err = s.err
	}
	s.ending = true
	for c := range s.clients {
		if err != nil && c.conn != nil {
			c.conn.Close()
		}
		c.abort(err)
	}
	return err
}

// waitForClients waits until not more than n bytes wait.
func (s *split) waitForClients(n int) {
	waits := func() bool {
		if s.err != nil {
			return false
		}
		for c := range s.clients {
			if n == 0 && (c.out.waiting > 0 || c.out.buffered() > 0) {
				return true
			}
		}
		return s.held > n
	}
	if !waits() {
		return
	}
	t := time.AfterFunc(stallTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err == nil {
			s.err = errSlow
		}
		s.roomier.Broadcast()
	})
	defer t.Stop()
	for waits() {
		s.roomier.Wait()
	}
}

// source is a connection that only reads.
type source struct{ io.Reader }

func (source) Write(b []byte) (int, error) { return len(b), nil }
func (source) CloseWrite() error           { return nil }
func (source) Close() error                { return nil }
func (source) Abort(error)                 {}

// copied is a connection whose end is left to who has opened it.
type copied struct{ io.ReadWriteCloser }

func (copied) CloseWrite() error { return nil }
func (copied) Abort(error)       {}
