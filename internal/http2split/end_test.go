package http2split

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// end is one end of a connection that speaks frames.
type end struct {
	*http2.Framer
	t    *testing.T
	conn *net.TCPConn
	buf  bytes.Buffer
	enc  *hpack.Encoder
	dec  *hpack.Decoder

	first []string // was read already
}

func newEnd(t *testing.T, conn net.Conn) *end {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	e := &end{t: t, conn: conn.(*net.TCPConn), Framer: http2.NewFramer(conn, conn), dec: hpack.NewDecoder(4096, nil)}
	e.AllowIllegalWrites = true
	e.AllowIllegalReads = true
	e.enc = hpack.NewEncoder(&e.buf)
	return e
}

// call connects to the world and says the preface.
func (w *world) call(settings ...http2.Setting) *end {
	conn, err := net.Dial("tcp", w.front.Addr().String())
	require.NoError(w.t, err)
	e := newEnd(w.t, conn)
	io.WriteString(conn, preface)
	require.NoError(w.t, e.WriteSettings(settings...))
	return e
}

// answer accepts a connection of Split and says the settings.
func (w *world) answer(ln net.Listener, settings ...http2.Setting) *end {
	ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := ln.Accept()
	require.NoError(w.t, err)
	e := newEnd(w.t, conn)
	b := make([]byte, len(preface))
	_, err = io.ReadFull(conn, b)
	require.NoError(w.t, err)
	require.Equal(w.t, preface, string(b))
	require.NoError(w.t, e.WriteSettings(settings...))
	return e
}

// both are a caller and an app that have settled their settings.
func (w *world) both() (caller, app *end) {
	caller = w.call()
	app = w.answer(w.app)
	app.want("SETTINGS 0 []")
	app.WriteSettingsAck()
	caller.want("SETTINGS 0 []", "SETTINGS ack")
	caller.WriteSettingsAck()
	app.want("SETTINGS ack")
	return caller, app
}

// meet accepts a connection to the client and settles settings.
func (w *world) meet(settings ...http2.Setting) *end {
	client := w.answer(w.client, settings...)
	client.want("SETTINGS 0 [2=0 4=1048576]", fmt.Sprint("WINDOW_UPDATE 0 ", maxHeld-defaultWindow))
	var first []string // what did not wait for the settings
	for {
		text := client.read()
		if text == "SETTINGS ack" {
			break
		}
		first = append(first, text)
	}
	client.first = first
	client.WriteSettingsAck()
	return client
}

func (e *end) block(fields ...string) []byte {
	e.buf.Reset()
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		e.enc.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: name == "secret"})
	}
	return e.buf.Bytes()
}

func (e *end) headers(id uint32, end bool, fields ...string) {
	require.NoError(e.t, e.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, EndStream: end, EndHeaders: true, BlockFragment: e.block(fields...)}))
}

// request is a request to who.
func (e *end) request(id uint32, end bool, who string, more ...string) {
	e.headers(id, end, append([]string{":method=POST", ":scheme=http", ":path=/", "x-to=" + who}, more...)...)
}

// read reads a frame, as text.
func (e *end) read() string {
	if len(e.first) > 0 {
		text := e.first[0]
		e.first = e.first[1:]
		return text
	}
	f, err := e.ReadFrame()
	if err != nil {
		return err.Error()
	}
	id := f.Header().StreamID
	mark := ""
	if f.Header().Flags.Has(http2.FlagHeadersEndStream) {
		mark = " end"
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return "SETTINGS ack"
		}
		var all []string
		f.ForeachSetting(func(s http2.Setting) error {
			all = append(all, fmt.Sprintf("%d=%d", uint16(s.ID), s.Val))
			return nil
		})
		return fmt.Sprint("SETTINGS ", id, " ", all)
	case *http2.HeadersFrame:
		block := bytes.Clone(f.HeaderBlockFragment())
		for done := f.HeadersEnded(); !done; {
			next, err := e.ReadFrame()
			if err != nil {
				return err.Error()
			}
			c := next.(*http2.ContinuationFrame)
			block = append(block, c.HeaderBlockFragment()...)
			done = c.HeadersEnded()
		}
		fields, err := e.dec.DecodeFull(block)
		if err != nil {
			return err.Error()
		}
		text := fmt.Sprint("HEADERS ", id, mark)
		for _, x := range fields {
			if strings.HasPrefix(x.Name, ":") && x.Name != ":status" {
				continue
			}
			text += " " + x.Name + "=" + x.Value
			if x.Sensitive {
				text += " (never indexed)"
			}
		}
		return text
	case *http2.DataFrame:
		return fmt.Sprint("DATA ", id, " ", len(f.Data()), mark)
	case *http2.WindowUpdateFrame:
		return fmt.Sprint("WINDOW_UPDATE ", id, " ", f.Increment)
	case *http2.RSTStreamFrame:
		return fmt.Sprint("RST_STREAM ", id, " ", f.ErrCode)
	case *http2.GoAwayFrame:
		return fmt.Sprint("GOAWAY ", f.LastStreamID, " ", f.ErrCode)
	case *http2.PingFrame:
		return fmt.Sprint("PING ", string(f.Data[:]), " ", f.IsAck())
	case *http2.UnknownFrame:
		return fmt.Sprint("UNKNOWN ", uint8(f.Type), " ", id, " ", string(f.Payload()))
	}
	return fmt.Sprintf("%v", f)
}

// want reads frames.
func (e *end) want(frames ...string) {
	e.t.Helper()
	for _, want := range frames {
		require.Equal(e.t, want, e.read())
	}
}

// data reads so much data of a stream, in frames of any size.
func (e *end) data(id uint32, n int) {
	e.t.Helper()
	for n > 0 {
		var got, size int
		text := e.read()
		_, err := fmt.Sscanf(text, "DATA %d %d", &got, &size)
		require.NoError(e.t, err, text)
		require.EqualValues(e.t, id, got)
		n -= size
	}
	require.Zero(e.t, n)
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
