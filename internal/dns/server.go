package dns

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// A Server is a DNS server on local sockets that passes every query, of any type,
// to Exchange. Each query has its own goroutine, 256 at most are under way over
// all sockets together, and one more is answered with SERVFAIL at once. What is
// not a well-formed query of opcode QUERY, and what fails, is answered as
// [ServeStream] says; datagrams too short for a header and responses are dropped.
//
// Queries go to the exchange as they came. Whether names without a final dot
// are searched for is for the exchange to decide: in DNS every name is absolute.
type Server struct {
	// Exchange answers the queries, such as the Exchange of a [Client].
	Exchange ExchangeFunc

	// IdleTimeout ends a TCP connection on which no query began for that long
	// and none is under way. 30 s when 0.
	IdleTimeout time.Duration
}

// Serve answers queries that come to pc by UDP and to ln by TCP; either may be
// nil. By UDP an answer has at most the size that the client's EDNS allows, 4096
// octets at most and 512 without EDNS; a longer one has TC set and as many records
// as fit. By TCP one connection may have many queries under way, answered in
// any order (RFC 7766); 256 connections are served at once and more are closed.
//
// pc should be bound to one address: from a wildcard address, answers may leave
// with another source address than the query went to.
//
// Serve returns nil when ctx ends and an error when a socket fails. It has then
// closed both sockets and ended all goroutines.
func (s *Server) Serve(ctx context.Context, pc net.PacketConn, ln net.Listener) error {
	sctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := newResponder(s.Exchange)
	var wg sync.WaitGroup
	if pc != nil {
		stop := context.AfterFunc(sctx, func() { pc.Close() })
		defer stop()
		defer pc.Close()
		wg.Go(func() { cancel(p.servePackets(sctx, pc)) })
	}
	if ln != nil {
		stop := context.AfterFunc(sctx, func() { ln.Close() })
		defer stop()
		defer ln.Close()
		wg.Go(func() { cancel(p.serveListener(sctx, ln, cmp.Or(s.IdleTimeout, 30*time.Second))) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(sctx)
}

// servePackets returns when pc is closed or fails for good.
func (p *responder) servePackets(ctx context.Context, pc net.PacketConn) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	b := make([]byte, maxMessage)
	for failures := 0; ; {
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			if failures++; !worthRetry(ctx, err, failures) {
				return err
			}
			continue
		}
		failures = 0
		resp, todo := p.begin(append([]byte(nil), b[:n]...), true)
		if todo == nil {
			send(pc, resp, from)
			continue
		}
		wg.Go(func() { send(pc, todo(ctx), from) })
	}
}

// send sends one datagram. When that fails the client asks again, as it does when
// the network loses one.
func send(pc net.PacketConn, resp []byte, to net.Addr) {
	if resp != nil {
		pc.WriteTo(resp, to)
	}
}

// serveListener returns when ln is closed or fails for good.
func (p *responder) serveListener(ctx context.Context, ln net.Listener, idle time.Duration) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	conns := make(chan struct{}, maxConns)
	for failures := 0; ; {
		conn, err := ln.Accept()
		if err != nil {
			if failures++; !worthRetry(ctx, err, failures) {
				return err
			}
			continue
		}
		failures = 0
		select {
		case conns <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-conns }()
			p.serveStream(ctx, conn, idle) // how one client's connection ends concerns nobody else
		})
	}
}

// worthRetry waits a little and reports whether the socket may work again: a
// Windows UDP socket reports here that an earlier answer was refused, and accept
// fails while there are no descriptors left.
func worthRetry(ctx context.Context, err error, failures int) bool {
	if errors.Is(err, net.ErrClosed) || failures > 100 {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(failures) * time.Millisecond):
		return true
	}
}
