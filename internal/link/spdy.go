package link

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strconv"

	"github.com/moby/spdystream/spdy"
	corev1 "k8s.io/api/core/v1"
)

// The two streams of a port-forward, by the ids a SPDY client counts with.
const (
	errorStream = 1
	dataStream  = 3
)

// Sizes of SPDY/3.1, https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
const (
	frameHeader  = 8
	controlBit   = 0x80
	flagFin      = 0x01
	maxFrameData = 1<<24 - 1
)

// openFrames is what opens both streams, and says at once that we have nothing
// to send on the error stream.
func openFrames(port int) ([]byte, error) {
	var buf bytes.Buffer
	framer, err := spdy.NewFramer(&buf, nil)
	if err != nil {
		return nil, err
	}
	open := func(id spdy.StreamId, kind string) error {
		h := http.Header{}
		h.Set(corev1.StreamType, kind)
		h.Set(corev1.PortHeader, strconv.Itoa(port))
		h.Set(corev1.PortForwardRequestIDHeader, "0")
		return framer.WriteFrame(&spdy.SynStreamFrame{StreamId: id, Headers: h})
	}
	if err := open(errorStream, corev1.StreamTypeError); err != nil {
		return nil, err
	}
	buf.Write(appendDataHeader(nil, errorStream, 0, flagFin))
	if err := open(dataStream, corev1.StreamTypeData); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// appendDataHeader appends the header of a DATA frame with n bytes.
func appendDataHeader(b []byte, stream uint32, n int, flags byte) []byte {
	b = binary.BigEndian.AppendUint32(b, stream)
	return binary.BigEndian.AppendUint32(b, uint32(flags)<<24|uint32(n))
}

// appendPing appends a PING frame.
func appendPing(b []byte, id uint32) []byte {
	b = append(b, controlBit, spdy.Version, 0, byte(spdy.TypePing), 0, 0, 0, 4)
	return binary.BigEndian.AppendUint32(b, id)
}

// frame is the part of a received frame that matters here. Of a DATA frame the
// n bytes that follow are still to be read; of others nothing is left.
type frame struct {
	control bool
	kind    spdy.ControlFrameType // of a control frame
	id      uint32                // the stream's, or a PING's
	fin     bool
	n       int
}

// readFrame reads a frame's header, and a control frame's content. It keeps
// nothing that a peer could make big: contents are skipped, also compressed
// headers, of which none tells anything here.
func readFrame(br *bufio.Reader) (frame, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{
		control: head[0]&controlBit != 0,
		kind:    spdy.ControlFrameType(binary.BigEndian.Uint16(head[2:])),
		id:      binary.BigEndian.Uint32(head[:]) &^ (controlBit << 24),
		fin:     head[4]&flagFin != 0,
		n:       int(binary.BigEndian.Uint32(head[4:]) & maxFrameData),
	}
	if !f.control {
		f.kind = 0
		return f, nil
	}
	f.id = 0
	var id [4]byte
	if f.n >= len(id) {
		if _, err := io.ReadFull(br, id[:]); err != nil {
			return frame{}, err
		}
		f.id = binary.BigEndian.Uint32(id[:])
		f.n -= len(id)
	}
	_, err := br.Discard(f.n)
	f.n = 0
	return f, err
}
