package main

import (
	"net"
	"os"
	"sync"
)

// input is standard input for several connections, one after the other. What
// one has not read is for the next.
type input struct {
	f      *os.File
	begin  sync.Once
	chunks chan chunk

	mu   sync.Mutex
	last chunk // guarded by mu; what is left of it
}

type chunk struct {
	b   []byte
	err error
}

func newInput(f *os.File) *input { return &input{f: f, chunks: make(chan chunk)} }

// readAll reads to the end, or to that of the process.
func (in *input) readAll() {
	for {
		b := make([]byte, 32<<10)
		n, err := in.f.Read(b)
		in.chunks <- chunk{b[:n], err}
		if err != nil {
			return
		}
	}
}

// read waits until there is something, or closec is closed.
func (in *input) read(b []byte, closec <-chan struct{}) (int, error) {
	in.begin.Do(func() { go in.readAll() })
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.last.b) == 0 {
		if in.last.err != nil {
			return 0, in.last.err
		}
		select {
		case in.last = <-in.chunks:
		case <-closec:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, in.last.b)
	in.last.b = in.last.b[n:]
	return n, nil
}
