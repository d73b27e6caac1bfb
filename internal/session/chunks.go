package session

import (
	"sync"

	"github.com/fwdtools/fwd/pkg/wire"
)

// chunks holds received bytes in pooled pieces. Small frames share a piece, so
// that a peer that sends single bytes cannot make each of them cost a piece.
type chunks struct {
	list [][]byte
	off  int // bytes of the first piece that have been read
	n    int // bytes that have not been read, in all
}

// The sizes of pieces: what is received never costs much more than it holds,
// except where it is next to nothing.
const (
	smallPiece  = 2 << 10
	mediumPiece = 8 << 10
	largePiece  = wire.MaxPayload

	maxPieces = 64 // that takeAll takes
)

// Pools of arrays, because a slice in a pool costs an allocation each time.
var (
	smallPieces  = sync.Pool{New: func() any { return new([smallPiece]byte) }}
	mediumPieces = sync.Pool{New: func() any { return new([mediumPiece]byte) }}
	largePieces  = sync.Pool{New: func() any { return new([largePiece]byte) }}
)

func newPiece(size int) []byte {
	switch {
	case size <= smallPiece:
		return smallPieces.Get().(*[smallPiece]byte)[:0]
	case size <= mediumPiece:
		return mediumPieces.Get().(*[mediumPiece]byte)[:0]
	}
	return largePieces.Get().(*[largePiece]byte)[:0]
}

func freePiece(b []byte) {
	switch cap(b) {
	case smallPiece:
		smallPieces.Put((*[smallPiece]byte)(b[:smallPiece]))
	case mediumPiece:
		mediumPieces.Put((*[mediumPiece]byte)(b[:mediumPiece]))
	case largePiece:
		largePieces.Put((*[largePiece]byte)(b[:largePiece]))
	}
}

// append copies b, at most one frame's payload, to the end.
func (c *chunks) append(b []byte) {
	if last := len(c.list) - 1; last >= 0 {
		piece := c.list[last]
		n := min(len(b), cap(piece)-len(piece))
		c.list[last] = append(piece, b[:n]...)
		c.n += n
		b = b[n:]
	}
	if len(b) > 0 {
		// Where much waits already, more will come.
		c.list = append(c.list, append(newPiece(max(len(b), c.n)), b...))
		c.n += len(b)
	}
}

// read moves bytes to b and returns how many.
func (c *chunks) read(b []byte) int {
	total := 0
	for len(b) > 0 && c.n > 0 {
		piece := c.list[0]
		n := copy(b, piece[c.off:])
		b = b[n:]
		c.off += n
		c.n -= n
		total += n
		if c.off == len(piece) {
			freePiece(piece)
			c.list[0] = nil
			c.list = c.list[1:]
			c.off = 0
		}
	}
	if c.n == 0 {
		c.list = nil
	}
	return total
}

// take removes the first piece and hands it over: its unread bytes begin at
// off. They no longer count in n; the caller frees the piece.
func (c *chunks) take() (piece []byte, off int) {
	piece, off = c.list[0], c.off
	c.list[0] = nil
	c.list, c.off = c.list[1:], 0
	c.n -= len(piece) - off
	return piece, off
}

// takeAll removes all pieces, or some when there are many, and hands them over
// as take does.
func (c *chunks) takeAll() (pieces [][]byte, off int) {
	n := min(len(c.list), maxPieces)
	pieces, off = c.list[:n:n], c.off
	c.list, c.off = c.list[n:], 0
	c.n += off
	for _, piece := range pieces {
		c.n -= len(piece)
	}
	return pieces, off
}

// putBack undoes takeAll, but for the pieces that are missing.
func (c *chunks) putBack(pieces [][]byte, off int) {
	c.list = append(pieces, c.list...)
	c.off = off
	c.n -= off
	for _, piece := range pieces {
		c.n += len(piece)
	}
}

// release drops everything and returns how many bytes that was.
func (c *chunks) release() int {
	for _, piece := range c.list {
		freePiece(piece)
	}
	n := c.n
	*c = chunks{}
	return n
}
