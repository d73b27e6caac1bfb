package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// Every load brings the numbers that the report shows.
func TestLoadsBringWhatIsShown(t *testing.T) {
	addr := served(t)
	for _, i := range items {
		if i.run != nil {
			continue
		}
		t.Run(i.name, func(t *testing.T) {
			j := i.work(true)
			j.Addr, j.Bytes, j.Count, j.Deadline = addr, mib, 20, 20*time.Second
			out := j.do(t.Context())
			require.Empty(t, out.Failure, out.Err)
			for _, s := range i.shown {
				assert.Positive(t, out.Numbers[s.number], s.number)
			}
		})
	}
}

func TestFailuresAreTold(t *testing.T) {
	tests := []struct {
		name  string
		serve func(net.Conn)
		want  failure
	}{
		{"no answer is wedged", func(c net.Conn) { io.Copy(io.Discard, c) }, wedged},
		{"an early end is lost data", func(c net.Conn) { c.Write([]byte{ready, 1, 2, 3}) }, lost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer ln.Close()
			go func() {
				if c, err := ln.Accept(); err == nil {
					defer c.Close()
					c.Read(make([]byte, headLen))
					tt.serve(c)
				}
			}()
			out := job{Load: "down", Addr: ln.Addr().String(), Bytes: 100, Deadline: 300 * time.Millisecond}.do(t.Context())
			assert.Equal(t, tt.want, out.Failure, out.Err)
		})
	}
}

// The way through an API server is stood in for by a reverse proxy.
func TestForwardThroughAnUpgrade(t *testing.T) {
	server, err := url.Parse("http://" + served(t))
	require.NoError(t, err)
	var asked *http.Request
	proxy := httputil.NewSingleHostReverseProxy(server)
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked = req
		proxy.ServeHTTP(w, req)
	}))
	defer api.Close()
	up, err := newUpgrader(&rest.Config{
		Host: api.URL, BearerToken: "secret", TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	}, "ns", "pod")
	require.NoError(t, err)

	addr := handled(t, func(local net.Conn) error { return up.join(t.Context(), local) })
	out := job{Load: "both", Addr: addr, Bytes: mib, Deadline: 10 * time.Second}.do(t.Context())
	assert.Empty(t, out.Failure, out.Err)
	assert.Equal(t, "/api/v1/namespaces/ns/pods/pod:7000/proxy/", asked.URL.Path)
	assert.Equal(t, "Bearer secret", asked.Header.Get("Authorization"))
}

// What came in one packet with the 101 belongs to the pipe.
func TestForwardKeepsWhatComesWithTheAnswer(t *testing.T) {
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+upgradeTo+"\r\n\r\nhello\n")
			io.Copy(io.Discard, conn)
		}
	}))
	defer api.Close()
	up, err := newUpgrader(&rest.Config{Host: api.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, "ns", "pod")
	require.NoError(t, err)
	here, there := net.Pipe()
	defer here.Close()
	go up.join(t.Context(), there)
	line, err := bufio.NewReader(here).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
}
