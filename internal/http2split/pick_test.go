package http2split

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// said is the bytes that a caller sends when f speaks for it.
func said(t *testing.T, f func(e *end)) []byte {
	b := bytes.NewBufferString(preface)
	e := newEnd(t, new(net.TCPConn))
	e.Framer = http2.NewFramer(b, nil)
	e.AllowIllegalWrites = true
	e.WriteSettings()
	f(e)
	return b.Bytes()
}

func TestPickCopiesWhatMatches(t *testing.T) {
	ln := listen(t)
	var mu sync.Mutex
	got := map[string]string{}
	serve(t, ln, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			b = []byte("cancelled")
		}
		got[r.URL.Path+" "+r.Header.Get("x-to")] = string(b) + r.Trailer.Get("x-sum")
		w.Write(make([]byte, 100_000))
	})
	body := strings.Repeat("0123456789", 300_000) // more than all windows together
	src := said(t, func(e *end) {
		e.headers(1, true, ":method=GET", ":scheme=http", ":path=/one", ":authority=pod", "x-to=client")
		e.headers(3, false, ":method=POST", ":scheme=http", ":path=/two", ":authority=pod", "x-to=app")
		e.headers(5, false, ":method=POST", ":scheme=http", ":path=/three", ":authority=pod", "x-to=client", "trailer=x-sum")
		e.headers(7, false, ":method=POST", ":scheme=http", ":path=/four", ":authority=pod", "x-to=client")
		e.WriteWindowUpdate(1, 1)
		e.WriteWindowUpdate(0, maxID)
		e.WritePing(false, [8]byte{})
		e.WriteSettingsAck()
		for b := []byte(body); len(b) > 0; b = b[10_000:] {
			e.WriteData(3, false, b[:10_000])
			e.WriteDataPadded(5, false, b[:10_000], make([]byte, 9))
		}
		e.WriteRSTStream(7, http2.ErrCodeCancel)
		e.headers(5, true, "x-sum=7")
		e.WriteGoAway(0, http2.ErrCodeNo, nil)
	})
	var conn relay.Conn
	matched := 0
	err := Pick(bytes.NewReader(src), toClient(t), func() (io.ReadWriteCloser, error) {
		var err error
		conn, err = dial(ln.Addr())
		return conn, err
	}, func() { matched++ })
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	defer conn.Close()
	assert.Equal(t, 3, matched)
	assert.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == 3 || got["/three client"] != "" && got["/four client"] == "" && len(got) == 2
	}, patience, 1e6)
	mu.Lock()
	defer mu.Unlock()
	assert.Contains(t, got, "/one client")
	assert.True(t, got["/three client"] == body+"7", "%d bytes", len(got["/three client"]))
	assert.NotContains(t, got, "/two app")
}

func TestPickNeedsNoConnectionWithoutAMatch(t *testing.T) {
	src := said(t, func(e *end) { e.request(1, true, "app") })
	assert.NoError(t, Pick(bytes.NewReader(src), toClient(t), func() (io.ReadWriteCloser, error) { panic("it is opened") }, nil))
	assert.ErrorIs(t, Pick(bytes.NewReader(src[:len(src)-1]), toClient(t), nil, nil), io.ErrUnexpectedEOF)
}

func TestPickEndsWithTheLocalSide(t *testing.T) {
	src := said(t, func(e *end) { e.request(1, false, "client") })
	w := newWorld(t)
	r, feed := io.Pipe()
	errc := make(chan error, 1)
	go func() {
		errc <- Pick(r, toClient(t), func() (io.ReadWriteCloser, error) { return dial(w.client.Addr()) }, nil)
	}()
	_, err := feed.Write(src)
	require.NoError(t, err)
	client := w.meet()
	client.want("HEADERS 1 x-to=client")
	client.conn.Close()
	donec := make(chan struct{})
	go func() { // until it is noticed
		defer close(donec)
		for {
			if _, err := feed.Write(appendData(nil, 1, make([]byte, 1000), false)); err != nil {
				return
			}
		}
	}()
	assert.Error(t, <-errc)
	r.Close()
	<-donec
}
