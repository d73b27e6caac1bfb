package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// roundTrip sends one query to one server and returns its response: by UDP, and
// by TCP when that is truncated or conf wants it. Every query has a socket of its
// own, and so a random port and a random ID (RFC 5452).
func (r *Resolver) roundTrip(ctx context.Context, conf *resolvConf, server netip.Addr, q *message) (*message, error) {
	if !conf.useTCP {
		resp, err := r.roundTripOver(ctx, "udp", conf.timeout, server, q)
		if err != nil || !resp.Truncated {
			return resp, err
		}
	}
	return r.roundTripOver(ctx, "tcp", conf.timeout, server, q)
}

func (r *Resolver) roundTripOver(ctx context.Context, network string, timeout time.Duration, server netip.Addr, q *message) (*message, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := r.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, netip.AddrPortFrom(server, 53).String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	var id [2]byte
	rand.Read(id[:])
	q.ID = binary.BigEndian.Uint16(id[:])
	query := q.pack(maxMessage)
	if network == "tcp" {
		return exchangeTCP(conn, q, query)
	}
	return exchangeUDP(conn, q, query)
}

func exchangeTCP(conn net.Conn, q *message, query []byte) (*message, error) {
	if err := writeMessage(conn, query); err != nil {
		return nil, err
	}
	b, err := readMessage(conn)
	if err != nil {
		return nil, err
	}
	resp, err := parseMessage(b)
	if err != nil || !resp.isResponseTo(q) {
		return nil, errMalformed
	}
	return resp, nil
}

// exchangeUDP lets datagrams that are not the answer pass, as they may be forged
// or late, and waits on.
func exchangeUDP(conn net.Conn, q *message, query []byte) (*message, error) {
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	b := make([]byte, maxUDP)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return nil, err
		}
		if resp, err := parseMessage(b[:n]); err == nil && resp.isResponseTo(q) {
			return resp, nil
		}
	}
}

// isResponseTo reports whether m is the response to q: ID and question are the same.
// Some servers leave the question out when they call the query malformed.
func (m *message) isResponseTo(q *message) bool {
	if m.ID != q.ID || !m.Response || m.OpCode != 0 {
		return false
	}
	if len(m.Questions) == 0 {
		code := m.rcode()
		return code == dnsmessage.RCodeFormatError || code == dnsmessage.RCodeNotImplemented
	}
	got, want := m.Questions[0], q.Questions[0]
	return got.Type == want.Type && got.Class == want.Class && fold(got.Name) == fold(want.Name)
}
