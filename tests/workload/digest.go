package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// A digest is what a reader says of the bytes that it read, so that the writer
// can compare.
type digest struct {
	n   int64
	sum hash.Hash
}

func newDigest() *digest { return &digest{sum: sha256.New()} }

// digestAll reads r to its end.
func digestAll(r io.Reader) (*digest, error) {
	d := newDigest()
	_, err := io.Copy(d, r)
	return d, err
}

// Write adds p to the digest; it never fails.
func (d *digest) Write(p []byte) (int, error) {
	d.n += int64(len(p))
	return d.sum.Write(p)
}

// report writes the digest as one line, for example
// "bytes=5 sha256=2cf24d…\n".
func (d *digest) report(w io.Writer) error {
	_, err := fmt.Fprintf(w, "bytes=%d sha256=%x\n", d.n, d.sum.Sum(nil))
	return err
}
