package http2split

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/http2/hpack"
)

// preface is what a caller begins with (RFC 9113 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

const headerLen = 9

type frameType uint8

// Types (RFC 9113 6).
const (
	typeData         frameType = 0x0
	typeHeaders      frameType = 0x1
	typePriority     frameType = 0x2
	typeRSTStream    frameType = 0x3
	typeSettings     frameType = 0x4
	typePushPromise  frameType = 0x5
	typePing         frameType = 0x6
	typeGoAway       frameType = 0x7
	typeWindowUpdate frameType = 0x8
	typeContinuation frameType = 0x9
)

// Flags (RFC 9113 6).
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// code says why something ends (RFC 9113 7).
type code uint32

const (
	codeNo            code = 0x0
	codeProtocol      code = 0x1
	codeInternal      code = 0x2
	codeFlowControl   code = 0x3
	codeStreamClosed  code = 0x5
	codeFrameSize     code = 0x6
	codeRefusedStream code = 0x7
	codeCancel        code = 0x8
	codeCompression   code = 0x9
	codeCalm          code = 0xb
)

// maxID is the last stream there can be, and a window's greatest size.
const maxID = 1<<31 - 1

// A connError ends a connection (RFC 9113 5.4.1).
type connError struct {
	code code
	text string
}

func (e *connError) Error() string {
	return fmt.Sprintf("HTTP/2 error %#x: %s", uint32(e.code), e.text)
}

// frame is a frame as it was read, or a field block with all frames that it
// takes. It is valid until the next is read, but for fields, which are kept.
type frame struct {
	typ     frameType
	flags   uint8
	id      uint32
	raw     []byte // as it came
	payload []byte // of the first frame

	data []byte // of DATA, without its padding
	pad  int    // what padding takes of the window (RFC 9113 6.1)

	fields   []hpack.HeaderField // of HEADERS and PUSH_PROMISE
	priority []byte              // of HEADERS; 5 bytes, or none
	promised uint32              // of PUSH_PROMISE
	matches  bool                // of a request: it is a client's
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// ends tells that f is the last of its stream in its direction.
func (f *frame) ends() bool {
	return (f.typ == typeData || f.typ == typeHeaders) && f.has(flagEndStream)
}

// number is the 32 bits that RST_STREAM and WINDOW_UPDATE consist of.
func (f *frame) number() uint32 { return binary.BigEndian.Uint32(f.payload) }

// renumbered is the frame for the same stream under another id.
func (f *frame) renumbered(id uint32) []byte {
	binary.BigEndian.PutUint32(f.raw[5:], id)
	return f.raw
}

func appendHeader(b []byte, n int, typ frameType, flags uint8, id uint32) []byte {
	b = append(b, byte(n>>16), byte(n>>8), byte(n), byte(typ), flags)
	return binary.BigEndian.AppendUint32(b, id)
}

func appendNumber(b []byte, typ frameType, id, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHeader(b, 4, typ, 0, id), n)
}

func appendWindowUpdate(b []byte, id uint32, n int) []byte {
	return appendNumber(b, typeWindowUpdate, id, uint32(n))
}

func appendReset(b []byte, id uint32, c code) []byte {
	return appendNumber(b, typeRSTStream, id, uint32(c))
}

func appendGoAway(b []byte, last uint32, c code, text string) []byte {
	b = appendHeader(b, 8+len(text), typeGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(c))
	return append(b, text...)
}

func appendData(b []byte, id uint32, data []byte, end bool) []byte {
	var flags uint8
	if end {
		flags = flagEndStream
	}
	return append(appendHeader(b, len(data), typeData, flags, id), data...)
}
