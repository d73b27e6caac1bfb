package dns

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

// A Client asks the peer that runs [ServeStream] on the other end of a stream.
// Its methods are safe for concurrent use. A reader goroutine and a writer
// goroutine run until the stream or the Client ends.
type Client struct {
	conn   net.Conn
	writec chan []byte   // framed queries; unbuffered
	slots  chan struct{} // holds one value per query that the peer has not answered
	donec  chan struct{} // closed when the first error is known
	wg     sync.WaitGroup

	mu      sync.Mutex
	pending map[uint16]*call // guarded by mu; a call stays until it is answered
	nextID  uint16           // guarded by mu
	err     error            // guarded by mu; why donec is closed
}

// A call is one query under way.
type call struct {
	id    uint16      // that the caller chose
	respc chan []byte // buffered, so that nobody waits for a caller who left
}

// ErrClientClosed is what Exchange returns after Close.
var ErrClientClosed = fmt.Errorf("DNS client: %w", net.ErrClosed)

// NewClient takes over conn, which Close closes.
func NewClient(conn net.Conn) *Client {
	c := &Client{
		conn:    conn,
		writec:  make(chan []byte),
		slots:   make(chan struct{}, maxInFlight),
		donec:   make(chan struct{}),
		pending: map[uint16]*call{},
	}
	c.wg.Go(c.readLoop)
	c.wg.Go(c.writeLoop)
	return c
}

// Exchange sends one query and returns the response, with the query's ID. Many
// may be under way; the 257th waits for one of them. When ctx ends, Exchange
// returns its error at once; the peer still works on the query, and a late answer
// is thrown away. When the stream ends, every Exchange returns an error that
// wraps the stream's, io.ErrUnexpectedEOF when it just ended.
func (c *Client) Exchange(ctx context.Context, query []byte) ([]byte, error) {
	if len(query) < headerLen {
		return nil, errMalformed
	}
	b, err := frame(query)
	if err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.donec:
		return nil, c.cause()
	}
	cl, id := c.begin(binary.BigEndian.Uint16(query))
	binary.BigEndian.PutUint16(b[2:], id)
	select {
	case c.writec <- b:
	case <-ctx.Done():
		c.finish(id) // it was never sent
		return nil, context.Cause(ctx)
	case <-c.donec:
		return nil, c.cause()
	}
	select {
	case resp := <-cl.respc:
		return resp, nil
	case <-ctx.Done():
	case <-c.donec:
	}
	select {
	case resp := <-cl.respc: // a ready answer wins
		return resp, nil
	default:
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, c.cause()
}

// Close ends every Exchange with ErrClientClosed, closes the stream and waits
// for the goroutines. It may be called more than once.
func (c *Client) Close() error {
	c.fail(ErrClientClosed)
	c.wg.Wait()
	return nil
}

// Done returns a channel that is closed when the stream has ended or Close was
// called; no Exchange works afterwards.
func (c *Client) Done() <-chan struct{} { return c.donec }

// begin registers a call under an ID that is free. There is always one: calls are
// far fewer than IDs.
func (c *Client) begin(id uint16) (*call, uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pending[c.nextID] != nil {
		c.nextID++
	}
	cl, wireID := &call{id, make(chan []byte, 1)}, c.nextID
	c.pending[wireID] = cl
	c.nextID++
	return cl, wireID
}

// finish takes a call out, and returns nil when there is none.
func (c *Client) finish(id uint16) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl := c.pending[id]
	if cl != nil {
		delete(c.pending, id)
		<-c.slots
	}
	return cl
}

func (c *Client) readLoop() {
	br := bufio.NewReader(c.conn)
	for {
		resp, err := readMessage(br)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err == nil && len(resp) < headerLen {
			err = errMalformed
		}
		if err != nil {
			c.fail(fmt.Errorf("DNS stream: %w", err))
			return
		}
		if cl := c.finish(binary.BigEndian.Uint16(resp)); cl != nil {
			binary.BigEndian.PutUint16(resp, cl.id)
			cl.respc <- resp
		}
	}
}

func (c *Client) writeLoop() {
	for {
		select {
		case b := <-c.writec:
			if _, err := c.conn.Write(b); err != nil {
				c.fail(fmt.Errorf("DNS stream: %w", err))
				return
			}
		case <-c.donec:
			return
		}
	}
}

// fail keeps the first error and ends everything.
func (c *Client) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
		close(c.donec)
	}
	c.mu.Unlock()
	if first {
		c.conn.Close()
	}
}

func (c *Client) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
