package deliver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"unicode/utf8"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// openError is a destination that could not be opened.
type openError struct{ err error }

func (e *openError) Error() string {
	var op *net.OpError
	if errors.As(e.err, &op) { // people know from the route where it was dialled
		return op.Err.Error()
	}
	return e.err.Error()
}

func (e *openError) Unwrap() error { return e.err }

// answer serves one connection to its end, or to that of ctx. Its error is said,
// unless it is the route's only one.
func (s *server) answer(ctx context.Context, in *fwd.Incoming) error {
	conn, err := s.open(ctx, in)
	if err != nil {
		err = &openError{err}
		if !s.Once {
			s.failed(ctx, in, err) // before the caller can try again
		}
		in.Abort(err)
		return err
	}
	defer s.slots.give()
	s.failures.over()
	s.log.Debug().Msgf("%v: connection from %v to %v", s, in.Caller, in.Local)
	in.Accept(address(s.To))
	defer context.AfterFunc(ctx, func() { in.Abort(ctx.Err()); conn.Abort(nil) })()
	if p, ok := conn.(*process); ok {
		defer p.afterExit(func() { in.Reset(wire.Canceled, "") })()
	}
	if s.Mode == wire.Mirror {
		err = mirror(in.Conn, conn)
	} else {
		err = join(ctx, in.Conn, conn)
	}
	if !s.Once {
		s.failed(ctx, in, err)
	}
	return err
}

// join is relay.Join for what is stolen. The pod has all that was answered when
// it returns.
func join(ctx context.Context, in *fwd.Conn, conn relay.Conn) error {
	if err := relay.Join(in, conn); err != nil {
		return err
	}
	if err := in.Flush(ctx); err != nil {
		return err
	}
	return exit(conn)
}

// open opens the destination. What is captured waits meanwhile, unless the
// caller goes away.
func (s *server) open(ctx context.Context, in *fwd.Incoming) (relay.Conn, error) {
	if s.Mode == wire.Steal {
		var cancel context.CancelFunc
		ctx, cancel = untilDone(ctx, in.Done())
		defer cancel()
	}
	if err := s.slots.take(ctx); err != nil {
		return nil, err
	}
	conn, err := s.To.Open(ctx, in.Caller, in.Local)
	if err == nil && s.ProxyProtocol {
		if err = writeProxyHeader(conn, in.Caller, in.Local); err != nil {
			conn.Abort(err)
		}
	}
	if err != nil {
		s.slots.give()
	}
	return conn, err
}

// untilDone is ctx that ends with donec, too.
func untilDone(ctx context.Context, donec <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-donec:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-ended }
}

// address is what the agent is told of a destination.
func address(d Destination) string {
	s := d.String()
	if len(s) > wire.MaxAddress || !utf8.ValidString(s) {
		return fmt.Sprintf("%T", d)
	}
	return s
}

// failed says what is worth it of how a connection ended.
func (s *server) failed(ctx context.Context, in *fwd.Incoming, err error) {
	var (
		open  *openError
		exit  *exitError
		reset *fwd.ResetError
		side  *relay.Error
	)
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, context.Canceled):
	case errors.As(err, &open), errors.As(err, &exit):
		if s.failures.news(err.Error()) {
			s.log.Error().Msgf("%v: %v", s, err)
		}
	case errors.As(err, &side) && side.Conn == relay.Conn(in.Conn) && errors.As(err, &reset) && reset.Code == wire.DataLost:
		s.losses.add(s.log, s, in.Caller.String(), err)
	default:
		// One of the two went away, and the other one knows; or the session was
		// lost, which is said for all its connections at once.
		s.log.Debug().Msgf("%v: connection from %v: %v", s, in.Caller, err)
	}
}
