package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fwdtools/fwd/internal/kube"
)

const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: fwd\r\n\r\n"

// apiServer is one that answers each request with answer, which has the
// connection.
type apiServer struct {
	*httptest.Server
	requests chan *http.Request
	open     atomic.Int32 // connections whose other end does not close them
}

func newAPIServer(t *testing.T, answer func(conn net.Conn)) *apiServer {
	t.Helper()
	s := &apiServer{requests: make(chan *http.Request, 10)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests <- r
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		s.open.Add(1)
		defer s.open.Add(-1)
		defer conn.Close()
		answer(conn)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(func() {
		s.Close()
		assert.Eventually(t, func() bool { return s.open.Load() == 0 }, 5*time.Second, time.Millisecond, "connections are left")
	})
	return s
}

// config is a kubeconfig for it.
func (s *apiServer) config() *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return &rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func proxyOf(config *rest.Config) *Proxy { return NewProxy(config, "prod", "web-1", 61001, "KEY") }

// reflect upgrades with the first bytes right behind the answer.
func reflect(conn net.Conn) {
	io.WriteString(conn, upgraded+"hello")
	io.Copy(conn, conn)
}

func checkReflection(t *testing.T, conn net.Conn) {
	t.Helper()
	much := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	errc := make(chan error, 1)
	go func() {
		_, err := conn.Write(much)
		errc <- err
	}()
	got := make([]byte, len("hello")+len(much))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.NoError(t, <-errc)
	assert.True(t, string(got) == "hello"+string(much), "what comes back is what was sent, after what came first")
}

func TestProxyUpgrades(t *testing.T) {
	srv := newAPIServer(t, reflect)
	config := srv.config()
	config.Host += "/k8s/clusters/c-1"
	config.BearerToken, config.UserAgent, config.Impersonate.UserName = "secret", "fwd/1", "jane"
	conn, err := proxyOf(config).Dial(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	checkReflection(t, conn)

	r := <-srv.requests
	assert.Equal(t, http.MethodGet, r.Method)
	assert.Equal(t, "HTTP/1.1", r.Proto)
	assert.Equal(t, "/k8s/clusters/c-1/api/v1/namespaces/prod/pods/web-1:61001/proxy/KEY", r.URL.Path)
	assert.Equal(t, "Upgrade", r.Header.Get("Connection"))
	assert.Equal(t, "fwd", r.Header.Get("Upgrade"))
	assert.Equal(t, "Bearer secret", r.Header.Get("Authorization"))
	assert.Equal(t, "jane", r.Header.Get("Impersonate-User"))
	assert.Equal(t, "fwd/1", r.Header.Get("User-Agent"))
	assert.Equal(t, "proxy", conn.RemoteAddr().Network())
	assert.Equal(t, "prod/web-1:61001", conn.RemoteAddr().String())
}

func TestProxyShowsTheClientCertificate(t *testing.T) {
	srv := newAPIServer(t, reflect)
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "jane"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(nil, template, template, public, key)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	config := srv.config()
	config.CertData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	config.KeyData = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	conn, err := proxyOf(config).Dial(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	r := <-srv.requests
	require.Len(t, r.TLS.PeerCertificates, 1)
	assert.Equal(t, "jane", r.TLS.PeerCertificates[0].Subject.CommonName)
}

func TestProxyGoesThroughAnHTTPProxy(t *testing.T) {
	srv := newAPIServer(t, reflect)
	asked := make(chan string, 1)
	forward := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			there.Close()
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(there, here); there.Close() }()
		go func() { io.Copy(here, there); here.Close() }()
	}))
	defer forward.Close()
	proxy, err := url.Parse(forward.URL)
	require.NoError(t, err)
	config := srv.config()
	config.Proxy = http.ProxyURL(proxy)
	conn, err := proxyOf(config).Dial(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	checkReflection(t, conn)
	assert.Equal(t, "CONNECT "+strings.TrimPrefix(srv.URL, "https://"), <-asked)
}

// status is an answer of the API server's.
func status(code int, reason metav1.StatusReason, message string) string {
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
		Details: &metav1.StatusDetails{Kind: "pods", Name: "web-1"},
	})
	if err != nil {
		panic(err)
	}
	return plain(code, string(body))
}

// plain is an answer of whatever is before it.
func plain(code int, body string) string {
	var out strings.Builder
	resp := http.Response{
		ProtoMajor: 1, ProtoMinor: 1, StatusCode: code, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
	if err := resp.Write(&out); err != nil {
		panic(err)
	}
	return out.String()
}

func TestProxyIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         any // a pointer to the error's type
		text         string
	}{
		{"unknown", status(401, metav1.StatusReasonUnauthorized, "Unauthorized"), new(*kube.UnauthorizedError), "does not accept the credentials: Unauthorized"},
		{"unknown to something before the API server", plain(401, "who are you"), new(*kube.UnauthorizedError), "who are you"},
		{"forbidden", status(403, metav1.StatusReasonForbidden,
			`pods "web-1" is forbidden: User "jane" cannot get resource "pods/proxy" in API group "" in the namespace "prod"`),
			new(*kube.ForbiddenError), `proxy: user "jane" is not permitted to get pods/proxy "web-1" in namespace "prod"`},
		{"forbidden by something before the API server", plain(403, "<html>no\n"), new(*kube.APIError), "<html>no"},
		{"no pod", status(404, metav1.StatusReasonNotFound, `pods "web-1" not found`), new(*kube.NotFoundError), `pod "web-1" not found in namespace "prod"`},
		{"no such path", plain(404, "404 page not found"), new(*kube.APIError), "404 page not found"},
		{"nobody listens", status(503, metav1.StatusReasonServiceUnavailable,
			"error trying to reach service: dial tcp 10.1.0.7:61001: connect: connection refused"), new(*kube.APIError), "connection refused"},
		{"overloaded", plain(503, ""), new(*kube.APIError), "unexpected answer 503 Service Unavailable"},
		{"no upgrade", plain(200, "welcome"), new(*kube.APIError), "welcome"},
		{"an upgrade to another protocol", strings.Replace(upgraded, "fwd", "websocket", 1), new(*kube.APIError), `unexpected protocol "websocket"`},
		{"an upgrade that says nothing of the connection", strings.Replace(upgraded, "Connection: Upgrade\r\n", "", 1), new(*kube.APIError), "unexpected protocol"},
		{"no HTTP", "SSH-2.0-x\r\n", new(*kube.UnreachableError), "malformed HTTP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newAPIServer(t, func(conn net.Conn) {
				io.WriteString(conn, tt.answer)
				io.Copy(io.Discard, conn) // until the other side gives up
			})
			_, err := proxyOf(srv.config()).Dial(t.Context())
			require.ErrorAs(t, err, tt.want)
			assert.ErrorContains(t, err, tt.text)
			assert.True(t, strings.HasPrefix(err.Error(), "proxy: "), "%v", err)
		})
	}
}

func TestProxyUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln.Close()
	_, err = proxyOf(&rest.Config{Host: "https://" + ln.Addr().String()}).Dial(t.Context())
	var unreachable *kube.UnreachableError
	require.ErrorAs(t, err, &unreachable)
	op, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok, "it tells what was not reached: %v", err)
	assert.Equal(t, "dial", op.Op)
}

func TestProxyHonoursContext(t *testing.T) {
	srv := newAPIServer(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-srv.requests
		cancel()
	}()
	_, err := proxyOf(srv.config()).Dial(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestProxyLivesLongerThanItsContext(t *testing.T) {
	srv := newAPIServer(t, reflect)
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := proxyOf(srv.config()).Dial(ctx)
	require.NoError(t, err)
	defer conn.Close()
	cancel()
	checkReflection(t, conn)
}

func TestProxyEnds(t *testing.T) {
	t.Run("in order", func(t *testing.T) {
		srv := newAPIServer(t, func(conn net.Conn) { io.WriteString(conn, upgraded+"bye") })
		conn, err := proxyOf(srv.config()).Dial(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		got, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, "bye", string(got))
	})
	t.Run("reset", func(t *testing.T) {
		srv := newAPIServer(t, func(conn net.Conn) {
			io.WriteString(conn, upgraded)
			conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
			conn.(*tls.Conn).NetConn().Close()
		})
		conn, err := proxyOf(srv.config()).Dial(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.ReadAll(conn)
		assert.Error(t, err, "it is no end of data")
	})
	t.Run("here", func(t *testing.T) {
		srv := newAPIServer(t, reflect)
		conn, err := proxyOf(srv.config()).Dial(t.Context())
		require.NoError(t, err)
		require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
		_, err = io.Copy(io.Discard, conn)
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = conn.Write([]byte("x"))
		assert.Error(t, err)
	})
}

// jammed is a connection that takes no more bytes once it is told so.
type jammed struct {
	net.Conn
	jam   chan struct{} // closed when it is told
	stuck chan struct{} // gets a value from each Write that is stuck
	gone  chan struct{} // closed by Close
	once  sync.Once
}

func (j *jammed) Write(b []byte) (int, error) {
	select {
	case <-j.jam:
		j.stuck <- struct{}{}
		<-j.gone
		return 0, net.ErrClosed
	default:
		return j.Conn.Write(b)
	}
}

func (j *jammed) Close() error {
	j.once.Do(func() { close(j.gone) })
	return j.Conn.Close()
}

func TestProxyCloseReleasesAWrite(t *testing.T) {
	srv := newAPIServer(t, func(conn net.Conn) {
		io.WriteString(conn, upgraded)
		io.Copy(io.Discard, conn)
	})
	j := &jammed{jam: make(chan struct{}), stuck: make(chan struct{}, 10), gone: make(chan struct{})}
	config := srv.config()
	config.Dial = func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		j.Conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return j, err
	}
	conn, err := proxyOf(config).Dial(t.Context())
	require.NoError(t, err)
	close(j.jam)
	errc := make(chan error, 1)
	go func() {
		_, err := conn.Write(make([]byte, 1<<20))
		errc <- err
	}()
	<-j.stuck
	require.NoError(t, conn.Close())
	assert.Error(t, <-errc)
}
