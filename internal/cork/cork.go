// Package cork lets a connection be read and written in few large pieces
// though what is above it, TLS, does so record by record.
package cork

import (
	"bufio"
	"net"
	"sync"
)

const (
	readSize  = 128 << 10 // of one read at most
	writeSize = 512 << 10 // after which even a corked connection writes
)

// Conn is a connection of which Read takes from a buffer, and Write gathers
// while it is corked. One goroutine may read; any number may write.
type Conn struct {
	net.Conn
	br     *bufio.Reader
	before func() // or nil

	mu     sync.Mutex
	corked int    // guarded by mu; Cork less Uncork
	out    []byte // guarded by mu
}

// New takes conn over.
func New(conn net.Conn) *Conn {
	c := &Conn{Conn: conn}
	c.br = bufio.NewReaderSize(source{c}, readSize)
	return c
}

// BeforeRead has f called by the goroutine that reads, each time before it may
// have to wait for the network: whatever came with the last read has been read
// by then. It is called while nobody reads.
func (c *Conn) BeforeRead(f func()) {
	if below, ok := c.Conn.(interface{ BeforeRead(func()) }); ok {
		below.BeforeRead(f)
		return
	}
	c.before = f
}

// source is what the buffer is filled from.
type source struct{ c *Conn }

func (s source) Read(b []byte) (int, error) {
	if s.c.before != nil {
		s.c.before()
	}
	return s.c.Conn.Read(b)
}

// Read reads from the buffer, filling it if it is empty.
func (c *Conn) Read(b []byte) (int, error) { return c.br.Read(b) }

// Write writes b, now or with the Uncork that follows. What is not taken then
// fails that, or a later Write.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.corked == 0 {
		return c.Conn.Write(b)
	}
	c.out = append(c.out, b...)
	if len(c.out) < writeSize {
		return len(b), nil
	}
	if err := c.flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Cork makes Write gather until Uncork.
func (c *Conn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked++
}

// Uncork writes what was gathered since Cork.
func (c *Conn) Uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.corked--; c.corked > 0 {
		return nil
	}
	return c.flush()
}

// flush is called with mu held.
func (c *Conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.out)
	c.out = c.out[:0]
	return err
}
