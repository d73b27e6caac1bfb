package transcript

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"sync"
	"time"
	"unicode/utf8"
)

// JSONL writes one JSON object for each event, each with one call of Write.
type JSONL struct {
	mu  sync.Mutex
	w   io.Writer // guarded by mu
	ids uint64    // guarded by mu
}

// NewJSONL writes to w.
func NewJSONL(w io.Writer) *JSONL { return &JSONL{w: w} }

// event is an object as fwd-listen(1) documents it.
type event struct {
	Time   string         `json:"time"`
	Event  string         `json:"event"` // open, data or close
	ID     uint64         `json:"id"`
	Caller netip.AddrPort `json:"caller"`
	Local  netip.AddrPort `json:"local"`
	Text   string         `json:"text,omitempty"`   // of data that is UTF-8
	Base64 []byte         `json:"base64,omitempty"` // of other data
	Error  string         `json:"error,omitempty"`  // of a close that is no end of data
}

// Open implements Writer.
func (j *JSONL) Open(caller, local netip.AddrPort) (Conn, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ids++
	c := &jsonlConn{j: j, event: event{ID: j.ids, Caller: unmap(caller), Local: unmap(local)}}
	e := c.event
	e.Event = "open"
	return c, j.write(e)
}

// write writes e. Called with mu held.
func (j *JSONL) write(e event) error {
	e.Time = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return err
	}
	_, err := j.w.Write(line.Bytes())
	return err
}

type jsonlConn struct {
	j      *JSONL
	event  event // what all of them have
	closed bool  // guarded by j.mu
}

// Write implements Conn.
func (c *jsonlConn) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	e := c.event
	e.Event = "data"
	if utf8.Valid(b) {
		e.Text = string(b)
	} else {
		e.Base64 = b
	}
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	if err := c.j.write(e); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close implements Conn.
func (c *jsonlConn) Close(err error) error {
	e := c.event
	e.Event = "close"
	if err != nil {
		e.Error = err.Error()
	}
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.j.write(e)
}

// unmap gives an IPv4 address its usual form.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
