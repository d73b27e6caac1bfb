package main

import (
	"context"
	"encoding/binary"
	"flag"
	"io"
	"math/rand/v2"
	"net"
)

// source writes a number of bytes that the reader knows in advance, half-closes
// and waits for its peer to close.
func source(flags *flag.FlagSet) handler {
	size := flags.Int64("bytes", 1<<20, "number of pattern bytes to write")
	seed := flags.Uint64("seed", 0, "which pattern to write")
	return func(_ context.Context, conn *net.TCPConn) error {
		if _, err := io.CopyN(conn, pattern(*seed), *size); err != nil {
			return err
		}
		if err := conn.CloseWrite(); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, conn)
		return err
	}
}

// pattern returns an endless stream of bytes that depends on seed alone:
// ChaCha8 keyed with the seed as eight little-endian bytes and 24 zeros.
func pattern(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}
