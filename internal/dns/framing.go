package dns

import (
	"encoding/binary"
	"fmt"
	"io"
)

// readMessage reads one message with its length in front (RFC 1035 section
// 4.2.2). The error is io.EOF only where a message could begin.
func readMessage(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(r, msg); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return msg, nil
}

// writeMessage writes length and message in one Write (RFC 7766 section 8).
func writeMessage(w io.Writer, msg []byte) error {
	b, err := frame(msg)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func frame(msg []byte) ([]byte, error) {
	if len(msg) > maxMessage {
		return nil, fmt.Errorf("DNS message of %d octets, more than %d", len(msg), maxMessage)
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(msg)), uint16(len(msg)))
	return append(b, msg...), nil
}
