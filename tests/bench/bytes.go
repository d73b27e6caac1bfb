package main

import (
	"io"
	"sync"
)

const bufferLen = 256 << 10

// buffers are for bulk data: they are never cleared.
var buffers = sync.Pool{New: func() any { return new([bufferLen]byte) }}

// discard reads n bytes, or to the end of r, and returns how many these were.
// It uses large reads, unlike io.Discard.
func discard(r io.Reader, n int64) (got int64, err error) {
	b := buffers.Get().(*[bufferLen]byte)
	defer buffers.Put(b)
	for got < n && err == nil {
		var m int
		m, err = r.Read(b[:min(n-got, bufferLen)])
		got += int64(m)
	}
	if err == io.EOF {
		err = nil
	}
	return got, err
}

// produce writes n bytes, up to chunk at once.
func produce(w io.Writer, n int64, chunk int) error {
	b := buffers.Get().(*[bufferLen]byte)
	defer buffers.Put(b)
	for n > 0 {
		m, err := w.Write(b[:min(n, int64(chunk), bufferLen)])
		if err != nil {
			return err
		}
		n -= int64(m)
	}
	return nil
}
