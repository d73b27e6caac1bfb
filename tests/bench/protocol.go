package main

import (
	"encoding/binary"
	"io"
)

// A service is what the server does with a connection. A client names it in a
// head: the service, then a number of eight bytes, big-endian. All services but
// one answer the head with the byte ready.
type service byte

const (
	echo   service = 'e' // sends back what it reads
	sink   service = 's' // reads a number of bytes and answers with how many that was
	source service = 'd' // sends a number of bytes
	one    service = 'o' // reads a number of bytes and answers with answerLen at once, without ready
	whole  service = 'w' // reads to the end of data and answers late with how much that was
)

const (
	headLen   = 9
	countLen  = 8
	answerLen = 1 << 10
	ready     = '+'
	endless   = 1 << 62
)

// appendHead appends a head to b.
func appendHead(b []byte, s service, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, byte(s)), uint64(n))
}

// readHead reads a head from r.
func readHead(r io.Reader) (s service, n int64, err error) {
	var head [headLen]byte
	_, err = io.ReadFull(r, head[:])
	return service(head[0]), int64(binary.BigEndian.Uint64(head[1:])), err
}

// readCount reads what sink and whole answer.
func readCount(r io.Reader) (int64, error) {
	var count [countLen]byte
	_, err := io.ReadFull(r, count[:])
	return int64(binary.BigEndian.Uint64(count[:])), err
}

// writeCount writes what readCount reads.
func writeCount(w io.Writer, n int64) error {
	_, err := w.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return err
}
