package link

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/moby/spdystream/spdy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What we write is what a SPDY library reads.
func TestOpenFrames(t *testing.T) {
	b, err := openFrames(61234)
	require.NoError(t, err)
	b = append(appendDataHeader(b, dataStream, 2, 0), "hi"...)
	b = appendPing(b, 7)
	framer, err := spdy.NewFramer(io.Discard, bytes.NewReader(b))
	require.NoError(t, err)

	var got []spdy.Frame
	for {
		f, err := framer.ReadFrame()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		got = append(got, f)
	}
	require.Len(t, got, 5)
	assert.Equal(t, "error", got[0].(*spdy.SynStreamFrame).Headers.Get("streamtype"))
	assert.Equal(t, &spdy.DataFrame{StreamId: 1, Flags: spdy.DataFlagFin, Data: []byte{}}, got[1])
	data := got[2].(*spdy.SynStreamFrame)
	assert.Equal(t, spdy.StreamId(3), data.StreamId)
	assert.Equal(t, "data", data.Headers.Get("streamtype"))
	assert.Equal(t, "61234", data.Headers.Get("port"))
	assert.Equal(t, &spdy.DataFrame{StreamId: 3, Data: []byte("hi")}, got[3])
	assert.Equal(t, uint32(7), got[4].(*spdy.PingFrame).Id)
}

func TestReadFrame(t *testing.T) {
	var b bytes.Buffer
	framer, err := spdy.NewFramer(&b, nil)
	require.NoError(t, err)
	for _, f := range []spdy.Frame{
		&spdy.SynReplyFrame{StreamId: 3},
		&spdy.PingFrame{Id: 2},
		&spdy.RstStreamFrame{StreamId: 3, Status: spdy.Cancel},
		&spdy.GoAwayFrame{LastGoodStreamId: 9},
		&spdy.SettingsFrame{},
		&spdy.DataFrame{StreamId: 3, Flags: spdy.DataFlagFin, Data: []byte("end")},
	} {
		require.NoError(t, framer.WriteFrame(f))
	}
	br := bufio.NewReader(&b)
	var got []frame
	for range 6 {
		f, err := readFrame(br)
		require.NoError(t, err)
		got = append(got, f)
	}
	assert.Equal(t, []frame{
		{control: true, kind: spdy.TypeSynReply, id: 3},
		{control: true, kind: spdy.TypePing, id: 2},
		{control: true, kind: spdy.TypeRstStream, id: 3},
		{control: true, kind: spdy.TypeGoAway, id: 9},
		{control: true, kind: spdy.TypeSettings},
		{id: 3, fin: true, n: 3},
	}, got)
	rest, _ := io.ReadAll(br)
	assert.Equal(t, "end", string(rest))
}

// Whatever the far side sends, a reader gets an error in the end, and nothing
// panics or hangs.
func FuzzReceive(f *testing.F) {
	open, err := openFrames(1)
	require.NoError(f, err)
	f.Add(open)
	f.Add(append(appendDataHeader(nil, dataStream, 2, flagFin), "hi"...))
	f.Add(append(appendDataHeader(nil, errorStream, 4, flagFin), "oops"...))
	f.Add(appendPing(nil, 2))
	f.Add(appendDataHeader(nil, dataStream, maxFrameData, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		near, far := net.Pipe()
		go func() {
			far.SetDeadline(time.Now().Add(10 * time.Second))
			go io.Copy(io.Discard, far)
			far.Write(b)
			far.Close()
		}()
		c, err := newConn(near, bufio.NewReader(near), Addr{}, 1)
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := io.ReadAll(c); err != nil {
			var op *net.OpError
			assert.True(t, errors.As(err, &op), "ReadAll = %v, want a *net.OpError", err)
		}
	})
}
