package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/fwdtools/fwd/pkg/wire"
)

// accept serves the connections of one capture and returns when they have ended
// and the capture is undone. It is over unless the session was lost, which is
// then the error.
func (s *server) accept(ctx context.Context, ln Listener) (over bool, err error) {
	var wg sync.WaitGroup
	defer ln.Close()
	defer wg.Wait()
	conns, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	undo := sync.OnceFunc(func() {
		bound, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		if ln.Stop(bound) != nil {
			ln.Close() // so that Accept does not wait on
		}
	})
	wg.Go(func() {
		select {
		case <-ctx.Done():
			time.AfterFunc(s.drainTime(), kill)
			undo()
		case <-conns.Done():
		}
	})
	for {
		in, err := ln.Accept()
		switch {
		case err != nil && ctx.Err() == nil:
			return false, err
		case err != nil:
			wg.Wait() // until kill, at the latest
			return true, nil
		case s.Once:
			wg.Go(undo) // the pod has all others
			wg.Go(func() { s.refuse(ln) })
			return true, s.answer(conns, in)
		}
		wg.Go(func() { s.answer(conns, in) })
	}
}

// refuse resets what was captured beside the only connection.
func (s *server) refuse(ln Listener) {
	for {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		in.Reset(wire.Canceled, "only one connection was wanted")
	}
}

// drainTime is what connections get at the end. A copy is nothing that a caller
// waits for.
func (s *server) drainTime() time.Duration {
	if s.Mode == wire.Mirror {
		return time.Second
	}
	return drainTime
}
