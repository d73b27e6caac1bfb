package fwd

import (
	"context"
	"sync"

	"github.com/fwdtools/fwd/internal/dns"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Resolver asks the target's own resolver: its hosts file, search list and
// name servers. Its Exchange may be called from any goroutine; questions do not
// wait for each other.
type Resolver struct {
	client *Client

	mu   sync.Mutex
	conn *dns.Client // guarded by mu; nil before the first question
}

// Resolver makes a resolver on the client's session.
func (c *Client) Resolver() *Resolver { return &Resolver{client: c} }

// Exchange sends one DNS message with one question and returns the answer.
func (r *Resolver) Exchange(ctx context.Context, query []byte) ([]byte, error) {
	conn, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn.Exchange(ctx, query)
}

// connect returns the stream that questions go to, and a new one when that of
// an earlier session has ended.
func (r *Resolver) connect(ctx context.Context) (*dns.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		select {
		case <-r.conn.Done():
			r.conn.Close()
		default:
			return r.conn, nil
		}
	}
	st, err := r.client.open(ctx, wire.KindResolve, "search")
	if err != nil {
		return nil, err
	}
	r.conn = dns.NewClient(st)
	return r.conn, nil
}

// Close ends what questions are under way.
func (r *Resolver) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		return nil
	}
	return r.conn.Close()
}
