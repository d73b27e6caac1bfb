package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/fwdtools/fwd/internal/httpsplit"
)

// answerTime is how long the client may go on answering a caller that has said
// all it had to say.
const answerTime = time.Minute

// run brings the copy to the client and sees that it arrives.
func (c *mirrored) run(ctx context.Context) {
	err := c.copy(ctx)
	st, end := c.leave()
	if end != nil { // it says more than what came of it
		err = end
	}
	var undelivered error
	if st != nil {
		undelivered = st.end(ctx, err)
		c.m.streams.remove(st)
	}
	switch {
	case errors.Is(err, errOver):
	case undelivered == nil && (err == nil || errors.Is(err, errCallerReset)):
	default:
		c.m.lost.Add(1)
	}
}

// copy copies until the data or the client ends.
func (c *mirrored) copy(ctx context.Context) error {
	if filter := c.m.cfg.Filter; filter != nil {
		open := func() (io.ReadWriteCloser, error) { return c.open(ctx) }
		return httpsplit.Pick(c, filter, open, c.m.matched)
	}
	st, err := c.open(ctx)
	if err == nil {
		_, err = c.WriteTo(st)
	}
	return err
}

// leave takes no more from the tap. It returns the client's stream, if there is
// one, and what ended the data, if it was not the caller's FIN.
func (c *mirrored) leave() (*answered, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m.held.give(len(c.buf))
	if !c.ended || len(c.buf) > 0 {
		c.buf, c.ended, c.err = nil, true, nil
	}
	return c.st, c.err
}

// open opens a stream to the client and waits until it has accepted it.
func (c *mirrored) open(ctx context.Context) (*answered, error) {
	select {
	case c.m.openc <- struct{}{}:
	case <-ctx.Done():
		return nil, errOver
	}
	defer func() { <-c.m.openc }()
	st, err := c.begin()
	if err != nil {
		return nil, err
	}
	if c.m.cfg.Filter != nil {
		c.m.connections.Add(1)
	}
	c.m.wg.Go(func() {
		<-st.Done()
		c.abandon(errClientGone)
	})
	if c.m.cfg.Filter == nil {
		c.m.wg.Go(st.drop)
	}
	if _, err := st.Connected(ctx); err != nil {
		return nil, err
	}
	return st, nil
}

// begin opens the stream, unless the copy is of no use any more.
func (c *mirrored) begin() (*answered, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// With a filter there is something to bring, which was read already.
	if len(c.buf) == 0 && c.err != nil && c.m.cfg.Filter == nil {
		return nil, c.err
	}
	st, err := c.m.cfg.Open(c.caller, c.local)
	if err != nil {
		return nil, err
	}
	a := &answered{Stream: st, m: c.m}
	if err := c.m.streams.add(a); err != nil {
		st.Abort(nil)
		return nil, err
	}
	c.st = a
	return a, nil
}

// answered is a stream whose client may answer, though nobody hears it.
type answered struct {
	Stream
	m     *Mirror
	begun bool // Write was called
}

// Write begins to drop what the client says, unless it is HTTP/2: that client
// says how much it takes, to who copies its streams.
func (a *answered) Write(b []byte) (int, error) {
	if !a.begun && a.m.cfg.Filter != nil && !bytes.HasPrefix(b, []byte("PRI ")) {
		a.m.wg.Go(a.drop)
	}
	a.begun = true
	return a.Stream.Write(b)
}

// drop reads what the client says to its end.
func (a *answered) drop() { io.Copy(io.Discard, a.Stream) }

// Close leaves the end of the stream to end.
func (a *answered) Close() error { return nil }

// end ends the stream as the caller's data ended. After FIN it waits until the
// client has it all, and has ended too. The error is why it does not have it.
func (a *answered) end(ctx context.Context, why error) error {
	defer a.Stream.Close()
	select {
	case <-a.Done():
		return errClientGone
	default:
	}
	if why != nil { // goes behind what was written
		reset(a, why)
		return nil
	}
	a.CloseWrite()
	if err := a.Flush(ctx); err != nil {
		return err
	}
	endc := make(chan struct{})
	a.m.wg.Go(func() {
		defer close(endc)
		a.drop()
	})
	wait, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	select {
	case <-endc:
	case <-wait.Done():
	}
	return nil
}
