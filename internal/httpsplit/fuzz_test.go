package httpsplit

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/internal/relay"
	"github.com/fwdtools/fwd/pkg/wire"
)

// FuzzNothingMatches: whatever a caller sends, an app gets just that when
// nothing of it is meant for the client.
func FuzzNothingMatches(f *testing.F) {
	for _, text := range []string{"", toApp, postApp, chunkedTo, expectTo, toApp + "\r\n" + toClient, "PING\r\n", "GET / HTTP/1.1\nx\n\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX" + toClient,
		"A 0 HTTP/1.0\r\nTransfer-Encoding: Chunked\r\n\r\n0"} {
		f.Add([]byte(text))
	}
	filter, err := httpfilter.Compile(&wire.Filter{Path: "^never$"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if bytes.HasPrefix(sent, []byte("PRI")) {
			t.Skip("needs HTTP/1: HTTP/2 goes to http2split, which has a fuzz test of its own")
		}
		caller, near := net.Pipe()
		app, appNear := net.Pipe()
		got := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(app)
			got <- b
			app.Close()
		}()
		donec := make(chan error, 1)
		go func() {
			donec <- Split(&piped{Conn: near, end: near}, Config{
				Filter: filter,
				App:    func() (relay.Conn, error) { return &piped{Conn: appNear, end: appNear}, nil },
			})
		}()
		go io.Copy(io.Discard, caller)
		caller.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := caller.Write(sent); err != nil {
			t.Fatalf("write: %v", err)
		}
		caller.Close() // the end of data: a pipe has no half
		select {
		case b := <-got:
			if !bytes.Equal(b, sent) {
				t.Fatalf("the app got %q of %q", b, sent)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("the app has not seen the end")
		}
		select {
		case <-donec:
		case <-time.After(5 * time.Second):
			t.Fatal("Split does not return")
		}
	})
}

// piped is a pipe with the manners of a connection, as far as they go.
type piped struct {
	net.Conn
	end net.Conn
}

func (p *piped) CloseWrite() error { return p.end.Close() }
func (p *piped) Abort(error)       { p.end.Close() }

// FuzzOnlyMatches: where another reader sees the bounds of what is meant for
// the client, it sees no request that is not.
func FuzzOnlyMatches(f *testing.F) {
	for _, text := range []string{toClient + toApp, chunkedTo + toApp + toClient, expectTo + postApp, toClient + "\r\n" + toClient,
		"POST /k HTTP/1.1\r\nhost: web\r\nx-user: alice\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nT: 1\r\n\r\n" + toApp,
		"POST /k HTTP/1.0\r\nConnection: keep-alive\r\nx-user: alice\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + toApp} {
		f.Add([]byte(text))
	}
	filter, err := httpfilter.Compile(&alice)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if bytes.HasPrefix(sent, []byte("PRI")) {
			t.Skip("needs HTTP/1: HTTP/2 goes to http2split, which has a fuzz test of its own")
		}
		dst, n := new(copied), 0
		err := Pick(bytes.NewReader(sent), filter, func() (io.ReadWriteCloser, error) { return dst, nil }, func() { n++ })
		if err != nil {
			t.Fatalf("Pick(%q) = %v", sent, err)
		}
		got := bytes.Clone(dst.Bytes())
		br := bufio.NewReader(&dst.Buffer)
		for i := 0; ; i++ {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			if i >= n || !slices.Contains(r.Header.Values("X-User"), "alice") {
				t.Fatalf("of %q the client got %q", sent, got)
			}
			if r.Method == "CONNECT" || r.Header.Get("Upgrade") != "" || asksUpgrade(r.Header) {
				return // a tunnel, perhaps
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
		}
	})
}

// asksUpgrade tells that Connection asks for an upgrade.
func asksUpgrade(h http.Header) bool {
	return strings.Contains(strings.ToLower(strings.Join(h.Values("Connection"), ",")), "upgrade")
}
