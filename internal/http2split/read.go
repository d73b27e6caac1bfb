package http2split

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"golang.org/x/net/http2/hpack"
)

// reader reads frames, and decodes field blocks. One goroutine reads.
type reader struct {
	br     *bufio.Reader
	dec    *hpack.Decoder
	frames atomic.Uint32 // how long a payload may be
	table  atomic.Uint32 // how large the decoder's table may become

	f      frame
	buf    []byte
	fields []hpack.HeaderField // of the block that is decoded
	size   int                 // of fields (RFC 9113 10.5.1)
}

// Defaults (RFC 9113 6.5.2).
const (
	defaultFrame  = 1 << 14
	defaultTable  = 4096
	defaultWindow = 1<<16 - 1
)

func newReader(r io.Reader) *reader {
	in := &reader{br: bufio.NewReaderSize(r, 16<<10)}
	in.dec = hpack.NewDecoder(defaultTable, in.field)
	in.dec.SetMaxStringLength(maxFieldBlock)
	in.frames.Store(defaultFrame)
	in.table.Store(defaultTable)
	return in
}

// next reads a frame, or a whole field block. The error is io.EOF at the end of
// the data between two frames.
func (r *reader) next() (*frame, error) {
	r.f = frame{}
	if cap(r.buf) > 256<<10 {
		r.buf = nil
	}
	r.buf = r.buf[:0]
	h, err := r.read()
	if err != nil {
		return nil, err
	}
	f := &r.f
	f.typ, f.flags, f.id = frameType(h[3]), h[4], binary.BigEndian.Uint32(h[5:])&maxID
	f.raw, f.payload = r.buf, r.buf[headerLen:]
	switch f.typ {
	case typeHeaders, typePushPromise:
		return f, r.block(f)
	case typeContinuation:
		return nil, &connError{codeProtocol, "CONTINUATION without HEADERS"}
	}
	return f, f.check()
}

// read appends one frame to buf. What it returns is the frame.
func (r *reader) read() ([]byte, error) {
	h, err := r.br.Peek(headerLen)
	if err != nil {
		if err == io.EOF && len(h) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	n := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	if n > int(r.frames.Load()) {
		return nil, &connError{codeFrameSize, fmt.Sprintf("frame of %d bytes", n)}
	}
	start := len(r.buf)
	for n += headerLen; n > 0; { // memory follows the data, not the announcement
		part := min(n, 64<<10)
		r.buf = slices.Grow(r.buf, part)
		at := len(r.buf)
		r.buf = r.buf[:at+part]
		if _, err := io.ReadFull(r.br, r.buf[at:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		n -= part
	}
	return r.buf[start:], nil
}

// block decodes the field block that begins with f, and reads what continues it.
func (r *reader) block(f *frame) error {
	if f.id == 0 {
		return &connError{codeProtocol, "HEADERS on stream 0"}
	}
	b, _, err := unpad(f)
	if err != nil {
		return err
	}
	if f.typ == typePushPromise {
		if len(b) < 4 {
			return &connError{codeFrameSize, "short PUSH_PROMISE"}
		}
		f.promised, b = binary.BigEndian.Uint32(b)&maxID, b[4:]
	} else if f.has(flagPriority) {
		if len(b) < 5 {
			return &connError{codeFrameSize, "short HEADERS"}
		}
		f.priority, b = slices.Clone(b[:5]), b[5:]
	}
	r.dec.SetAllowedMaxDynamicTableSize(r.table.Load())
	r.fields, r.size = []hpack.HeaderField{}, 0
	if err := r.decode(b); err != nil {
		return err
	}
	for end := f.has(flagEndHeaders); !end; {
		b, err := r.read()
		if err != nil {
			return noEOF(err)
		}
		id := binary.BigEndian.Uint32(b[5:]) & maxID
		if frameType(b[3]) != typeContinuation || id != f.id {
			return &connError{codeProtocol, "field block without its end"} // RFC 9113 6.10
		}
		if len(r.buf) > maxFieldBlock+headerLen { // counts empty ones, too
			return &connError{codeCalm, "field block too long"}
		}
		end = b[4]&flagEndHeaders != 0
		if err := r.decode(b[headerLen:]); err != nil {
			return err
		}
	}
	if err := r.dec.Close(); err != nil {
		return &connError{codeCompression, err.Error()}
	}
	f.raw = r.buf
	f.fields, r.fields = r.fields, nil
	return nil
}

func (r *reader) decode(b []byte) error {
	if _, err := r.dec.Write(b); err != nil {
		return &connError{codeCompression, err.Error()} // RFC 9113 4.3
	}
	if r.size > maxFieldBlock {
		return &connError{codeCalm, "too many fields"}
	}
	return nil
}

// field takes a decoded field.
func (r *reader) field(f hpack.HeaderField) {
	if r.size += int(f.Size()); r.size <= maxFieldBlock {
		r.fields = append(r.fields, f)
	}
}

// check looks at what a type says about its length and stream.
func (f *frame) check() error {
	var ok, stream bool // right length; belongs to a stream
	n := len(f.payload)
	switch f.typ {
	case typeData:
		var err error
		if f.data, f.pad, err = unpad(f); err != nil {
			return err
		}
		ok, stream = true, true
	case typePriority:
		ok, stream = n == 5, true
	case typeRSTStream:
		ok, stream = n == 4, true
	case typeSettings:
		ok = n%6 == 0 && (n == 0 || !f.has(flagAck))
	case typePing:
		ok = n == 8
	case typeGoAway:
		ok = n >= 8
	case typeWindowUpdate:
		ok, stream = n == 4, f.id != 0
	default:
		return nil
	}
	switch {
	case !ok:
		return &connError{codeFrameSize, fmt.Sprintf("frame of type %#x and %d bytes", f.typ, n)}
	case stream != (f.id != 0):
		return &connError{codeProtocol, fmt.Sprintf("frame of type %#x on stream %d", f.typ, f.id)}
	}
	return nil
}

// unpad is the payload without padding, and how much the padding takes.
func unpad(f *frame) (b []byte, pad int, err error) {
	if !f.has(flagPadded) {
		return f.payload, 0, nil
	}
	if len(f.payload) == 0 {
		return nil, 0, &connError{codeFrameSize, "padding without a length"}
	}
	pad = int(f.payload[0]) + 1
	if pad > len(f.payload) {
		return nil, 0, &connError{codeProtocol, "more padding than payload"}
	}
	return f.payload[1 : len(f.payload)-pad+1], pad, nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
