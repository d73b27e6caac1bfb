package http2split

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// everything is what a caller may send, but for the preface.
func everything(e *end, id uint32) {
	block := bytes.Clone(e.block(":method=POST", ":scheme=http", ":path=/", "b=2", "a=1", "secret=x", "a=3"))
	e.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:3], PadLength: 7,
		Priority: http2.PriorityParam{StreamDep: 99, Weight: 3, Exclusive: true}})
	e.WriteContinuation(id, false, nil)
	e.WriteContinuation(id, true, block[3:])
	e.WriteDataPadded(id, false, []byte("body"), make([]byte, 200))
	e.WriteData(id, false, nil)
	e.WritePriority(id, http2.PriorityParam{StreamDep: 3})
	e.WriteWindowUpdate(id, 1234)
	e.WriteWindowUpdate(0, 4321)
	e.WriteRawFrame(0xfa, 0x55, id, []byte("unknown"))
	e.WriteRawFrame(0xfb, 0, 0, []byte("unknown"))
	e.WritePing(false, [8]byte{1})
	e.WritePing(true, [8]byte{2})
	e.WriteRawFrame(0x10, 0, 0, append(u32(id), "u=1"...))
	e.headers(id, true, "trailer=x")
	e.WriteHeaders(http2.HeadersFrameParam{StreamID: id + 2, EndHeaders: true, BlockFragment: e.block(":method=POST", ":scheme=http", ":path=/", "b=2")})
	e.WriteRSTStream(id+2, http2.ErrCodeCancel)
}

func TestUntilTheFirstMatchTheAppGetsTheCallersBytes(t *testing.T) {
	w := newWorld(t)
	caller := w.call(http2.Setting{ID: 4, Val: 70000}, http2.Setting{ID: 1, Val: 8192}, http2.Setting{ID: 0xff, Val: 1})
	var want bytes.Buffer
	want.WriteString(preface)
	twin := newEnd(t, caller.conn) // writes the same into want
	twin.Framer = http2.NewFramer(&want, nil)
	twin.AllowIllegalWrites = true
	twin.WriteSettings(http2.Setting{ID: 4, Val: 70000}, http2.Setting{ID: 1, Val: 8192}, http2.Setting{ID: 0xff, Val: 1})
	for _, e := range []*end{caller, twin} {
		everything(e, 1)
		everything(e, 5)
		e.WriteSettingsAck()
		e.request(9, true, "app")
	}
	app, err := w.app.Accept()
	require.NoError(t, err)
	defer app.Close()
	got := make([]byte, want.Len())
	_, err = io.ReadFull(app, got)
	require.NoError(t, err)
	assert.Equal(t, want.Bytes(), got)

	a := newEnd(t, app)
	a.WriteSettings()
	caller.want("SETTINGS 0 []")
	a.headers(9, true, ":status=204")
	caller.want("HEADERS 9 end :status=204")
	assert.NoError(t, caller.conn.CloseWrite())
	assert.NoError(t, a.conn.CloseWrite())
	assert.NoError(t, w.result())
	assert.Equal(t, want.Bytes(), w.recorded())
}

func TestFieldsStayAsTheyAreAfterAMatch(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, true, "app", "k=v", "secret=s")
	app.want("HEADERS 1 end x-to=app k=v secret=s (never indexed)")
	caller.request(3, true, "client", "k=v", "secret=s")
	client := w.meet()
	client.want("HEADERS 3 end x-to=client k=v secret=s (never indexed)")
	for id := uint32(5); id < 15; id += 2 {
		caller.request(id, true, "app", "z=1", "k=v", "a=1", "secret=s", "z=2")
	}
	for _, id := range []string{"5", "7", "9", "11", "13"} {
		app.want("HEADERS " + id + " end x-to=app z=1 k=v a=1 secret=s (never indexed) z=2")
	}
	app.headers(5, false, ":status=100")
	app.headers(5, false, ":status=200", "x=y")
	caller.want("HEADERS 5 :status=100", "HEADERS 5 :status=200 x=y")
	client.headers(3, false, ":status=103", "link=a")
	client.headers(3, false, ":status=200", "x=y")
	caller.want("HEADERS 3 :status=103 link=a", "HEADERS 3 :status=200 x=y")
	app.headers(5, true, "x=y", "trailer=t")
	client.headers(3, true, "x=y", "trailer=u")
	for range 2 {
		assert.Contains(t, []string{"HEADERS 5 end x=y trailer=t", "HEADERS 3 end x=y trailer=u"}, caller.read())
	}
}

func TestResetsPassWithTheirCodes(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, false, "client")
	client := w.meet()
	client.want("HEADERS 1 x-to=client")
	caller.WriteRSTStream(1, http2.ErrCodeHTTP11Required)
	client.want("RST_STREAM 1 HTTP_1_1_REQUIRED")
	caller.request(3, false, "client")
	client.want("HEADERS 3 x-to=client")
	client.WriteRSTStream(3, http2.ErrCodeEnhanceYourCalm)
	caller.want("RST_STREAM 3 ENHANCE_YOUR_CALM")
	caller.request(5, false, "app")
	app.want("HEADERS 5 x-to=app")
	app.WriteRSTStream(5, http2.ErrCodeInadequateSecurity)
	caller.want("RST_STREAM 5 INADEQUATE_SECURITY")

	caller.WriteData(3, true, make([]byte, 100)) // it was on its way: nobody gets it
	caller.WriteWindowUpdate(1, 1)
	caller.WritePing(false, [8]byte{'1', '2', '3', '4', '5', '6', '7', '8'})
	caller.want("PING 12345678 true")

	caller.request(7, false, "client") // answered before it has said all
	client.want("HEADERS 7 x-to=client")
	client.headers(7, true, ":status=200")
	client.WriteRSTStream(7, http2.ErrCodeNo)
	caller.want("HEADERS 7 end :status=200", "RST_STREAM 7 NO_ERROR")
}

func TestTheClientsLimitsAreKept(t *testing.T) {
	w := newWorld(t)
	caller, _ := w.both()
	caller.request(1, false, "client")
	client := w.meet(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1},
		http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	client.dec.SetAllowedMaxDynamicTableSize(0)
	client.want("HEADERS 1 x-to=client")
	caller.request(3, false, "client")
	caller.WriteData(3, true, make([]byte, 5))
	caller.WriteData(1, false, make([]byte, 16000))
	client.want("DATA 1 10")
	client.WriteWindowUpdate(1, 5)
	client.want("DATA 1 5")
	client.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 110})
	client.want("SETTINGS ack")
	client.want("DATA 1 100")
	client.WriteWindowUpdate(1, 1<<20)
	client.data(1, 16000-115)
	caller.WriteData(1, true, nil)
	client.want("DATA 1 0 end")
	client.headers(1, true, ":status=200")
	caller.want("WINDOW_UPDATE 1 983051") // the window of its stream is ours, and larger
	caller.want("HEADERS 1 end :status=200")
	client.want("HEADERS 3 x-to=client", "DATA 3 5 end")
}

func TestCallersConnectionWindowIsShared(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, true, "client")
	caller.request(3, true, "app")
	client := w.meet()
	client.want("HEADERS 1 end x-to=client")
	app.want("HEADERS 3 end x-to=app")
	client.headers(1, false, ":status=200")
	caller.want("HEADERS 1 :status=200")
	for range 4 {
		client.WriteData(1, false, make([]byte, 10000))
	}
	caller.data(1, 40000)
	app.headers(3, false, ":status=200")
	caller.want("HEADERS 3 :status=200")
	for range 4 { // more than the caller has left, and no more than the app may
		app.WriteData(3, false, make([]byte, 16000))
	}
	caller.data(3, 25535)
	app.WritePing(false, [8]byte{'1', '2', '3', '4', '5', '6', '7', '8'})
	caller.want("PING 12345678 false")
	caller.WriteWindowUpdate(0, 45000) // 40000 of it for what the client has sent
	caller.data(3, 64000-25535)
	app.want("WINDOW_UPDATE 0 5000")
	app.WriteData(3, true, make([]byte, 6000))
	caller.data(3, 6000)
}

func TestALostClientTakesItsStreamsWithIt(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, false, "app")
	caller.request(3, false, "client")
	app.want("HEADERS 1 x-to=app")
	client := w.meet()
	client.want("HEADERS 3 x-to=client")
	client.conn.SetLinger(0)
	client.conn.Close()
	caller.want("RST_STREAM 3 INTERNAL_ERROR")
	caller.WriteData(1, true, make([]byte, 7))
	app.want("DATA 1 7 end")
	caller.request(5, true, "client")
	w.meet().want("HEADERS 5 end x-to=client")
}

func TestAClientThatDoesNotSpeakHTTP2HasSeenNothing(t *testing.T) {
	w := newWorld(t)
	caller, _ := w.both()
	caller.request(1, false, "client")
	conn, err := w.client.Accept()
	require.NoError(t, err)
	io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
	caller.want("RST_STREAM 1 REFUSED_STREAM")
	conn.Close()
}

func TestAClientThatBreaksTheRules(t *testing.T) {
	for name, breach := range map[string]func(*end){
		"push": func(e *end) {
			e.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true, BlockFragment: []byte{0x88}})
		},
		"stream window":      func(e *end) { e.data1(2 * streamWindow) },
		"HPACK":              func(e *end) { e.WriteRawFrame(1, 4, 1, []byte{0xff, 0xff, 0xff}) },
		"window 0":           func(e *end) { e.WriteWindowUpdate(0, 0) },
		"window too large":   func(e *end) { e.WriteRawFrame(8, 0, 0, u32(maxID)) },
		"large frame":        func(e *end) { e.WriteData(1, false, make([]byte, 20000)) },
		"SETTINGS of 5":      func(e *end) { e.WriteRawFrame(4, 0, 0, make([]byte, 5)) },
		"stray continuation": func(e *end) { e.WriteContinuation(1, true, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			caller, app := w.both()
			caller.request(1, false, "client")
			client := w.meet()
			client.want("HEADERS 1 x-to=client")
			breach(client)
			for {
				text := caller.read()
				if strings.HasPrefix(text, "DATA") || strings.HasPrefix(text, "HEADERS") {
					continue
				}
				require.Equal(t, "RST_STREAM 1 INTERNAL_ERROR", text)
				break
			}
			text := client.read()
			for strings.HasPrefix(text, "WINDOW_UPDATE") {
				text = client.read()
			}
			assert.Contains(t, text, "GOAWAY 0 ")
			caller.request(3, true, "app")
			app.want("HEADERS 3 end x-to=app")
		})
	}
}

// data1 sends n bytes on stream 1.
func (e *end) data1(n int) {
	e.headers(1, false, ":status=200")
	for n > 0 {
		part := min(n, 16384)
		e.WriteData(1, false, make([]byte, part))
		n -= part
	}
}

func refused(c *Config) {
	c.Client = func() (relay.Conn, error) { return nil, errors.New("refused") }
}

func TestARefusingClientRefusesStreams(t *testing.T) {
	w := newWorld(t, refused)
	caller, app := w.both()
	caller.request(1, false, "client")
	caller.want("RST_STREAM 1 REFUSED_STREAM")
	caller.request(3, true, "app")
	app.want("HEADERS 3 end x-to=app")
}

func TestFallback(t *testing.T) {
	gate := make(chan struct{})
	w := newWorld(t, func(c *Config) {
		c.Fallback = true
		c.Forwarded = &Forwarded{addr("192.0.2.1:1"), addr("192.0.2.2:2")}
		c.Client = func() (relay.Conn, error) { <-gate; return nil, errors.New("refused") }
	})
	caller, app := w.both()
	caller.request(1, false, "client", "a=1")
	caller.WriteData(1, false, []byte("12345"))
	caller.WriteWindowUpdate(1, 77)
	caller.request(3, false, "app", "a=2")
	app.want("HEADERS 3 x-to=app a=2")
	close(gate)
	app.want("HEADERS 5 x-to=client a=1", "DATA 5 5", "WINDOW_UPDATE 5 77") // ids only rise
	caller.WriteData(1, false, []byte("123"))
	caller.headers(1, true, "trailer=1")
	app.want("DATA 5 3", "HEADERS 5 end trailer=1")
	caller.request(5, true, "app", "a=3")
	app.want("HEADERS 7 end x-to=app a=3")
	app.headers(7, true, ":status=207")
	app.headers(5, false, ":status=205")
	app.WriteData(5, true, make([]byte, 9))
	app.WriteRSTStream(3, http2.ErrCodeCancel)
	caller.want("HEADERS 5 end :status=207", "HEADERS 1 :status=205", "DATA 1 9 end", "RST_STREAM 3 CANCEL")
}

func TestGoAwayOfTheClientLeadsToANewConnection(t *testing.T) {
	w := newWorld(t)
	caller, _ := w.both()
	caller.request(1, false, "client")
	caller.request(3, false, "client")
	client := w.meet()
	client.want("HEADERS 1 x-to=client", "HEADERS 3 x-to=client")
	client.WriteGoAway(1, http2.ErrCodeNo, nil)
	caller.want("RST_STREAM 3 REFUSED_STREAM")
	caller.request(5, true, "client")
	second := w.meet()
	second.want("HEADERS 5 end x-to=client")
	caller.WriteData(1, true, make([]byte, 3))
	client.want("DATA 1 3 end")
	client.headers(1, true, ":status=200")
	caller.want("HEADERS 1 end :status=200")
	assert.Equal(t, "EOF", client.read())
}

func TestGoAwayOfTheAppSparesTheClientsStreams(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, false, "app")
	caller.request(3, false, "app")
	caller.request(5, false, "client")
	client := w.meet()
	client.want("HEADERS 5 x-to=client")
	app.want("HEADERS 1 x-to=app", "HEADERS 3 x-to=app")
	app.WriteGoAway(1, http2.ErrCodeNo, nil)
	caller.want("RST_STREAM 3 REFUSED_STREAM", "GOAWAY 5 NO_ERROR")
	app.headers(1, true, ":status=200")
	caller.want("HEADERS 1 end :status=200")
	app.conn.Close()
	caller.want("GOAWAY 5 NO_ERROR")
	client.headers(5, true, ":status=201")
	caller.want("HEADERS 5 end :status=201")
}

func TestALostAppSparesTheClientsStreams(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, false, "app")
	caller.request(3, false, "client")
	client := w.meet()
	client.want("HEADERS 3 x-to=client")
	app.conn.SetLinger(0)
	app.conn.Close()
	caller.want("GOAWAY 3 NO_ERROR", "RST_STREAM 1 INTERNAL_ERROR")
	caller.WriteSettings()
	caller.want("SETTINGS ack")
	client.headers(3, true, ":status=200")
	caller.want("HEADERS 3 end :status=200")
	caller.WriteData(3, true, nil)
	client.want("DATA 3 0 end")
	assert.Equal(t, "EOF", caller.read())
}

// What an app has taken without giving credit must not be missing for others.
func TestALostAppOwesTheCallerNothing(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, false, "client")
	client := w.meet()
	client.want("HEADERS 1 x-to=client")
	caller.request(3, false, "app")
	app.want("HEADERS 3 x-to=app")
	left := defaultWindow
	for left > 0 {
		n := min(left, defaultFrame)
		caller.WriteData(3, false, make([]byte, n))
		app.want(fmt.Sprintf("DATA 3 %d", n))
		left -= n
	}
	app.conn.Close()
	caller.want("GOAWAY 3 NO_ERROR", "RST_STREAM 3 INTERNAL_ERROR", fmt.Sprintf("WINDOW_UPDATE 0 %d", defaultWindow))
}

func TestALostAppAloneIsALostConnection(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, false, "app")
	app.want("HEADERS 1 x-to=app")
	app.conn.SetLinger(0)
	app.conn.Close()
	assert.Contains(t, caller.read(), "connection reset")
	assert.Error(t, w.result())
}

func TestWithoutAnAppTheClientStillAnswers(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.App = func() (relay.Conn, error) { return nil, errors.New("refused") }
	})
	caller := w.call()
	caller.want("SETTINGS 0 []", "SETTINGS ack")
	caller.WriteSettingsAck()
	caller.request(1, true, "client")
	client := w.meet()
	client.want("HEADERS 1 end x-to=client")
	caller.request(3, true, "app")
	caller.want("RST_STREAM 3 REFUSED_STREAM", "GOAWAY 3 NO_ERROR")
	client.headers(1, true, ":status=200")
	caller.want("HEADERS 1 end :status=200")
}

func TestAnAppThatDoesNotSpeakHTTP2SaysSo(t *testing.T) {
	w := newWorld(t)
	caller := w.call()
	app, err := w.app.Accept()
	require.NoError(t, err)
	const text = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nwhat?"
	io.WriteString(app, text)
	app.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(caller.conn)
	assert.NoError(t, err)
	assert.Equal(t, text, string(got))
	app.Close()
}

func TestDrain(t *testing.T) {
	drain := make(chan struct{})
	w := newWorld(t, func(c *Config) { c.Drain = drain })
	caller, app := w.both()
	caller.request(1, false, "client")
	client := w.meet()
	client.want("HEADERS 1 x-to=client")
	close(drain)
	caller.want("GOAWAY 2147483647 NO_ERROR")
	caller.request(3, true, "client") // it cannot have known
	app.want("HEADERS 3 end x-to=client")
	app.headers(3, true, ":status=200")
	caller.want("HEADERS 3 end :status=200")
	caller.WriteData(1, true, nil)
	client.want("DATA 1 0 end")
	client.headers(1, true, ":status=200")
	caller.want("HEADERS 1 end :status=200", "GOAWAY 3 NO_ERROR")
	assert.Equal(t, "EOF", caller.read())
	caller.conn.Close()
	assert.Equal(t, "EOF", app.read())
	app.conn.Close()
	assert.Equal(t, "EOF", client.read())
	client.conn.Close()
	assert.NoError(t, w.result())
}

func TestCallersBreaches(t *testing.T) {
	request := func(e *end, id uint32) { e.request(id, false, "client") }
	for name, c := range map[string]struct {
		breach func(*end)
		want   string
	}{
		"continuation alone":  {func(e *end) { e.WriteContinuation(1, true, nil) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"block without end":   {func(e *end) { e.WriteHeaders(http2.HeadersFrameParam{StreamID: 1}); e.WritePing(false, [8]byte{}) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"HEADERS on stream 0": {func(e *end) { e.headers(0, true) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"even stream":         {func(e *end) { e.headers(2, true) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"push":                {func(e *end) { e.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true}) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"HPACK":               {func(e *end) { e.WriteRawFrame(1, 5, 1, []byte{0xff, 0xff, 0x7f}) }, "GOAWAY 0 COMPRESSION_ERROR"},
		"HPACK cut":           {func(e *end) { e.WriteRawFrame(1, 5, 1, []byte{0x40, 0x0a}) }, "GOAWAY 0 COMPRESSION_ERROR"},
		"padding":             {func(e *end) { e.WriteRawFrame(0, 8, 1, []byte{5, 1}) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"frame too large":     {func(e *end) { e.WriteRawFrame(0, 0, 1, make([]byte, 16385)) }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		"short PING":          {func(e *end) { e.WriteRawFrame(6, 0, 0, make([]byte, 7)) }, "GOAWAY 0 FRAME_SIZE_ERROR"},
		"window 0":            {func(e *end) { e.WriteRawFrame(8, 0, 0, u32(0)) }, "GOAWAY 0 PROTOCOL_ERROR"},
		"window too large":    {func(e *end) { e.WriteRawFrame(8, 0, 0, u32(maxID)) }, "GOAWAY 0 FLOW_CONTROL_ERROR"},
		"initial window":      {func(e *end) { e.WriteSettings(http2.Setting{ID: 4, Val: 1 << 31}) }, "GOAWAY 0 FLOW_CONTROL_ERROR"},
		"too many continuations": {func(e *end) {
			e.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
			for range 40_000 {
				if e.WriteContinuation(1, false, nil) != nil {
					return
				}
			}
		}, "GOAWAY 0 ENHANCE_YOUR_CALM"},
		"too many fields": {func(e *end) {
			block := e.block("k=" + string(make([]byte, 3000)))
			block = append(bytes.Clone(block), bytes.Repeat([]byte{0x80 | 62}, 10_000)...)
			e.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: block})
		}, "GOAWAY 0 ENHANCE_YOUR_CALM"},
		"idle stream": {func(e *end) { request(e, 1); e.WriteData(7, true, nil) }, "GOAWAY 1 PROTOCOL_ERROR"},
		"too much data": {func(e *end) {
			request(e, 1)
			for range 5 {
				e.WriteData(1, false, make([]byte, 16384))
			}
		}, "GOAWAY 1 FLOW_CONTROL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			gate := make(chan struct{})
			defer close(gate)
			w := newWorld(t, func(c *Config) {
				c.Client = func() (relay.Conn, error) { <-gate; return nil, errors.New("refused") }
			})
			caller, _ := w.both()
			c.breach(caller)
			caller.want(c.want)
			caller.conn.Close()
		})
	}
}

func TestStreamErrorsOfTheCaller(t *testing.T) {
	w := newWorld(t)
	caller, _ := w.both()
	caller.request(1, true, "client")
	client := w.meet()
	client.want("HEADERS 1 end x-to=client")
	caller.WriteData(1, true, nil)
	caller.want("RST_STREAM 1 STREAM_CLOSED")
	client.want("RST_STREAM 1 STREAM_CLOSED")
	caller.request(3, false, "client")
	caller.headers(3, false, "not=trailers")
	caller.want("RST_STREAM 3 PROTOCOL_ERROR")
	client.want("HEADERS 3 x-to=client", "RST_STREAM 3 PROTOCOL_ERROR")
	caller.request(5, false, "client")
	caller.WriteRawFrame(8, 0, 5, u32(0))
	caller.want("RST_STREAM 5 PROTOCOL_ERROR")
}

func TestPushesAndExtendedConnectPass(t *testing.T) {
	w := newWorld(t)
	caller, app := w.both()
	caller.request(1, true, "client")
	client := w.meet()
	client.want("HEADERS 1 end x-to=client")
	client.headers(1, true, ":status=200")
	caller.want("HEADERS 1 end :status=200")

	caller.request(3, true, "app")
	app.want("HEADERS 3 end x-to=app")
	app.WritePushPromise(http2.PushPromiseParam{StreamID: 3, PromiseID: 2, EndHeaders: true, BlockFragment: app.block(":method=GET", ":path=/p")})
	assert.Contains(t, caller.read(), "PUSH_PROMISE")
	app.headers(2, false, ":status=200")
	app.WriteDataPadded(2, true, make([]byte, 10), make([]byte, 20))
	caller.dec.SetAllowedMaxDynamicTableSize(0) // the block of the promise was not decoded
	assert.NotEmpty(t, caller.read())
	caller.want("DATA 2 10 end")
	app.want("WINDOW_UPDATE 2 21", "WINDOW_UPDATE 0 21")
}
