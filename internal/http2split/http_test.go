package http2split

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/fwdtools/fwd/internal/relay"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve answers on ln with net/http's HTTP/2 server.
func serve(t *testing.T, ln net.Listener, h http.HandlerFunc) {
	srv := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	srv.Protocols.SetUnencryptedHTTP2(true)
	donec := make(chan struct{})
	go func() { srv.Serve(ln); close(donec) }()
	t.Cleanup(func() { srv.Close(); <-donec })
}

// echo says who it is in a field and a trailer, and gives the body back.
func echo(who string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-who", who)
		w.Header().Set("x-forwarded", strings.Join(append(r.Header["Forwarded"], r.Header["X-Forwarded-For"]...), " "))
		w.Header().Set("Trailer", "x-sum")
		w.WriteHeader(http.StatusCreated)
		http.NewResponseController(w).Flush()
		n, _ := io.Copy(w, r.Body)
		w.Header().Set("x-sum", fmt.Sprint(who, n, r.Trailer.Get("x-up")))
	}
}

func transport(t *testing.T, addr net.Addr) *http.Transport {
	tr := &http.Transport{
		Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr.String())
		},
	}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// get sends a body to who, and checks that who gives it back with trailers.
func get(tr http.RoundTripper, who, body string) error {
	req, _ := http.NewRequest("POST", "http://pod/x?y=1", struct{ io.Reader }{strings.NewReader(body)})
	req.Header.Set("x-to", who)
	req.Trailer = http.Header{"X-Up": {"up"}}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case string(b) != body:
		return fmt.Errorf("%s gave %d bytes back, want %d", who, len(b), len(body))
	case res.StatusCode != http.StatusCreated || res.Header.Get("x-who") != who:
		return fmt.Errorf("answer of %s to %s: %s", res.Header.Get("x-who"), who, res.Status)
	case res.Trailer.Get("x-sum") != fmt.Sprint(who, len(body), "up"):
		return fmt.Errorf("trailers %v", res.Trailer)
	}
	return nil
}

func TestRequestsOfOneConnectionAreDivided(t *testing.T) {
	w := newWorld(t)
	serve(t, w.app, echo("app"))
	serve(t, w.client, echo("client"))
	tr := transport(t, w.front.Addr())
	for i := range 20 {
		who := []string{"app", "client"}[i/2%2]
		require.NoError(t, get(tr, who, strings.Repeat("x", i*10_000)))
	}
	assert.EqualValues(t, 10, w.matched.Load())
	assert.Equal(t, 1, w.clients)
	tr.CloseIdleConnections()
	assert.NoError(t, w.result())
	assert.Empty(t, w.errc, "there was one connection")
}

func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	serve(t, w.app, echo("app"))
	serve(t, w.client, echo("client"))
	tr := transport(t, w.front.Addr())
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			assert.NoError(t, get(tr, []string{"app", "client"}[i%2], strings.Repeat("y", i%50*5000)))
		})
	}
	wg.Wait()
}

func TestLargeBodiesBothWays(t *testing.T) {
	w := newWorld(t)
	serve(t, w.app, echo("app"))
	serve(t, w.client, echo("client"))
	tr := transport(t, w.front.Addr())
	body := strings.Repeat("0123456789abcdef", 4<<20) // 64 MiB
	var wg sync.WaitGroup
	for _, who := range []string{"app", "client"} {
		wg.Go(func() { assert.NoError(t, get(tr, who, body)) })
	}
	wg.Wait()
}

func TestWithoutFilterAllIsTheClients(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Filter = nil
		c.App = func() (relay.Conn, error) { panic("the app is asked") }
		c.Forwarded = &Forwarded{addr("[2001:db8::1]:1234"), addr("[2001:db8::2]:80")}
	})
	serve(t, w.client, echo("client"))
	tr := transport(t, w.front.Addr())
	for range 3 {
		req, _ := http.NewRequest("GET", "http://pod/", nil)
		req.Header.Set("X-Forwarded-For", "198.51.100.7")
		res, err := tr.RoundTrip(req)
		require.NoError(t, err)
		res.Body.Close()
		assert.Equal(t, `for="[2001:db8::1]";proto=http 198.51.100.7 2001:db8::1`, res.Header.Get("x-forwarded"))
	}
	assert.EqualValues(t, 3, w.matched.Load())
	assert.Equal(t, 1, w.clients)
}

func TestForwardedIsSaidToTheClientOnly(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Forwarded = &Forwarded{addr("192.0.2.1:1234"), addr("192.0.2.2:80")}
	})
	serve(t, w.app, echo("app"))
	serve(t, w.client, echo("client"))
	tr := transport(t, w.front.Addr())
	for who, want := range map[string]string{"app": "", "client": "for=192.0.2.1;proto=http 192.0.2.1"} {
		req, _ := http.NewRequest("GET", "http://pod/", nil)
		req.Header.Set("x-to", who)
		res, err := tr.RoundTrip(req)
		require.NoError(t, err)
		res.Body.Close()
		assert.Equal(t, want, res.Header.Get("x-forwarded"))
	}
}
