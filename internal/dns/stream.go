package dns

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ServeStream answers the queries that come over conn with exchange, each in a
// goroutine of its own and in whatever order they are done, framed as DNS over TCP
// (RFC 1035 section 4.2.2, RFC 7766). At most 256 are under way; one more is
// answered with SERVFAIL at once, so that slow names never delay others. A failed
// exchange becomes SERVFAIL, or the response code in a *ResolverError, with an
// extended error (RFC 8914) saying why, if the query has EDNS. A malformed query
// is FORMERR, an opcode other than QUERY and zone transfers are NOTIMP.
//
// When the peer half-closes, the answers still due are written, then conn is
// half-closed too (if it has CloseWrite), and the result is nil. It is nil as
// well when ctx ends, which ends everything at once. Any other end is an error.
// ServeStream owns conn, and has closed it and ended its goroutines when it
// returns.
func ServeStream(ctx context.Context, conn net.Conn, exchange func(ctx context.Context, query []byte) ([]byte, error)) error {
	return newResponder(exchange).serveStream(ctx, conn, 0)
}

// serveStream is ServeStream. With idle not zero it ends the stream when in that
// time no query began and none was under way, when a query took longer than that
// to arrive, or an answer to be taken.
func (p *responder) serveStream(ctx context.Context, conn net.Conn, idle time.Duration) error {
	defer conn.Close()
	sctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(sctx, func() { conn.Close() })
	defer stop()

	s := &queryStream{conn: conn, br: bufio.NewReader(conn), idle: idle}
	err := s.read(func(query []byte) {
		resp, todo := p.begin(query, false)
		if todo == nil {
			s.write(resp, cancel)
			return
		}
		s.wg.Go(func() {
			if resp := todo(sctx); sctx.Err() == nil {
				s.write(resp, cancel)
			}
		})
	})
	if err != nil {
		cancel(err) // nobody is there to hear the rest
	}
	s.wg.Wait()
	switch {
	case ctx.Err() != nil:
		return nil
	case sctx.Err() != nil:
		return fmt.Errorf("serve DNS stream: %w", context.Cause(sctx))
	}
	if cw, ok := conn.(interface{ CloseWrite() error }); ok {
		cw.CloseWrite() // fails only when the peer has gone, with all its answers
	}
	return nil
}

// A queryStream is one connection with queries on it. Its reader is the goroutine
// of serveStream.
type queryStream struct {
	conn    net.Conn
	br      *bufio.Reader
	idle    time.Duration
	wg      sync.WaitGroup // the queries under way
	pending atomic.Int32   // queries read and not answered
	writing sync.Mutex     // held for one whole response
}

// read calls each for every query until the peer's half-close or, with nothing
// under way, the idle time; both are a nil error.
func (s *queryStream) read(each func(query []byte)) error {
	for {
		switch err := s.await(); {
		case err == io.EOF || errors.Is(err, errIdle):
			return nil
		case err != nil:
			return err
		}
		query, err := readMessage(s.br)
		if err != nil {
			return err
		}
		if len(query) < headerLen {
			return errMalformed // not DNS at all
		}
		s.pending.Add(1)
		each(query)
	}
}

var errIdle = errors.New("idle")

// await waits for the first octet of a query.
func (s *queryStream) await() error {
	for {
		s.setReadDeadline()
		_, err := s.br.Peek(1)
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			if s.pending.Load() > 0 {
				continue
			}
			return errIdle
		}
		if err == nil {
			s.setReadDeadline()
		}
		return err
	}
}

func (s *queryStream) setReadDeadline() {
	if s.idle > 0 {
		s.conn.SetReadDeadline(time.Now().Add(s.idle))
	}
}

// write writes one response, or none when it is nil, and calls fail when it cannot.
func (s *queryStream) write(resp []byte, fail func(error)) {
	defer s.pending.Add(-1)
	if resp == nil {
		return
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.idle > 0 {
		s.conn.SetWriteDeadline(time.Now().Add(s.idle))
	}
	if err := writeMessage(s.conn, resp); err != nil {
		fail(err)
	}
}
