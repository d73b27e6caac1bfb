//go:build linux

package claim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Max is how many claims of one port there may be, as orders 0 to Max-1.
	Max = 32
	// takeTime bounds how long Take asks others.
	takeTime = 500 * time.Millisecond
	// pause is between two attempts at what may work soon.
	pause = 10 * time.Millisecond
)

// ErrFull is the error when a port has as many claims as it can.
var ErrFull = fmt.Errorf("%d others share it, which is all there may be: %w", Max, syscall.EADDRINUSE)

// Claim is the right to a port, or to a share of it, until Close.
//
// Its methods may be called from any goroutine.
type Claim struct {
	port   uint16
	order  int
	holder Holder
	ln     net.Listener  // at the name of the order
	whole  net.Listener  // at the name for the whole port; nil if filtered
	donec  chan struct{} // closed by Close
	wg     sync.WaitGroup
	once   sync.Once
	err    error // of Close

	yielded  atomic.Bool // Yield was called
	yield    sync.Once
	yieldErr error // of Yield

	mu     sync.Mutex
	passed map[netip.AddrPort]*passage // guarded by mu
	newc   chan struct{}               // closed and replaced at each new passage; guarded by mu
}

// passage is a connection that was passed on for caller.
type passage struct{ caller netip.AddrPort }

// Take claims the port for h. Who filters shares the port with others who do,
// behind all who came before. Who does not takes what those leave, and lets
// nobody come after: the error is a *HeldError then. It takes less than a second,
// whatever else is in the pod.
//
// There is no lock that somebody could sit on. Instead, who wants the whole port
// first takes its name, then an order behind all others; who filters first takes
// an order, then looks whether somebody has the whole port. Of two who come at
// once, one sees the other.
func Take(port uint16, h Holder) (*Claim, error) {
	c := &Claim{
		port: port, holder: h.tidy(), donec: make(chan struct{}),
		passed: make(map[netip.AddrPort]*passage), newc: make(chan struct{}),
	}
	ctx, cancel := context.WithTimeout(context.Background(), takeTime)
	defer cancel()
	if err := c.take(ctx); err != nil {
		c.Close()
		var held *HeldError
		if errors.As(err, &held) {
			return nil, held
		}
		return nil, fmt.Errorf("claim port %d: %w", port, err)
	}
	return c, nil
}

func (c *Claim) take(ctx context.Context) error {
	if !c.holder.Filtered {
		if err := c.takeWhole(ctx); err != nil {
			return err
		}
		return c.takeOrder(ctx)
	}
	if err := whole(ctx, c.port); err != nil {
		return err
	}
	if err := c.takeOrder(ctx); err != nil {
		return err
	}
	return whole(ctx, c.port)
}

// takeWhole takes the name for the whole port.
func (c *Claim) takeWhole(ctx context.Context) error {
	for {
		ln, err := net.Listen("unix", wholeName(c.port))
		if err == nil {
			c.whole = ln
			c.serve(ln)
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		if err := whole(ctx, c.port); err != nil {
			return err
		}
		if !wait(ctx) { // the name is taken, and nobody is there
			return &HeldError{Port: c.port}
		}
	}
}

// whole fails if somebody has the whole port.
func whole(ctx context.Context, port uint16) error {
	for {
		var h Holder
		switch err := ask(ctx, wholeName(port), question{}, &h); {
		case err == nil:
			return &HeldError{Port: port, Holder: h.tidy()}
		case errors.Is(err, syscall.ECONNREFUSED):
			return nil
		case !wait(ctx): // somebody who does not say who, and is not about to go
			return &HeldError{Port: port}
		}
	}
}

// takeOrder takes the first order behind all that are in use. When these have
// come to the end, it is the first one that is free behind those who have not
// yielded: the others only wait for connections to end, which may take long.
func (c *Claim) takeOrder(ctx context.Context) error {
	err := c.takeFrom(next(c.port))
	if err == ErrFull {
		err = c.takeFrom(nextTaking(ctx, c.port))
	}
	return err
}

// takeFrom takes the first order from first on that is free.
func (c *Claim) takeFrom(first int) error {
	for c.order = first; c.order < Max; c.order++ {
		ln, err := net.Listen("unix", orderName(c.port, c.order))
		if errors.Is(err, syscall.EADDRINUSE) { // somebody was faster
			continue
		}
		if err != nil {
			return err
		}
		c.ln = ln
		c.serve(ln)
		return nil
	}
	return ErrFull
}

// next is the order behind all that are in use.
func next(port uint16) int {
	for o := Max - 1; o >= 0; o-- {
		conn, err := connect(orderName(port, o))
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // also who does not take the connection is there
			return o + 1
		}
	}
	return 0
}

// nextTaking is the order behind all who have not yielded. Who does not say so
// has not.
func nextTaking(ctx context.Context, port uint16) int {
	var (
		wg     sync.WaitGroup
		taking [Max]bool
	)
	for o := range taking {
		wg.Go(func() {
			var s state
			err := ask(ctx, orderName(port, o), question{}, &s)
			taking[o] = !errors.Is(err, syscall.ECONNREFUSED) && (err != nil || !s.Yielded)
		})
	}
	wg.Wait()
	for o := Max - 1; o >= 0; o-- {
		if taking[o] {
			return o + 1
		}
	}
	return 0
}

// Order is the place among those who claim the port: 0 is the first.
func (c *Claim) Order() int { return c.order }

// Yield lets others claim the whole port, before Close: nothing is taken any
// more, but connections that were passed on may still be asked about.
func (c *Claim) Yield() error {
	c.yielded.Store(true)
	if c.whole == nil {
		return nil
	}
	c.yield.Do(func() { c.yieldErr = c.whole.Close() })
	return c.yieldErr
}

// Close gives the port back. Nobody is told any more who was behind what.
func (c *Claim) Close() error {
	c.once.Do(func() {
		close(c.donec)
		if c.ln != nil {
			c.err = c.ln.Close()
		}
		c.err = errors.Join(c.err, c.Yield())
		c.wg.Wait()
	})
	return c.err
}

func wholeName(port uint16) string { return fmt.Sprintf("@fwd/steal/%d/whole", port) }

func orderName(port uint16, order int) string { return fmt.Sprintf("@fwd/steal/%d/%d", port, order) }

// wait waits before another attempt, unless there is no time for one.
func wait(ctx context.Context) bool {
	select {
	case <-time.After(pause):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
