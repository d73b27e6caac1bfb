package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/fwdtools/fwd/internal/cork"
	"github.com/fwdtools/fwd/internal/kube"
)

// Proxy dials a port of a pod through the API server's pods/proxy, as a
// request that is upgraded: after the answer it is a plain pipe from the API
// server to the pod's IP. It needs the permission get on pods/proxy, and a
// network that lets the API server reach pods.
//
// Its bytes are encrypted as far as the API server only.
type Proxy struct {
	config *rest.Config
	addr   Addr
	path   string
}

var _ Dialer = (*Proxy)(nil)

// Upgrade is the protocol that a Proxy asks for; what listens in the pod
// answers 101 with the same.
const Upgrade = "fwd"

// NewProxy returns a Dialer for one port of one pod, where path is asked for.
// config is not changed and must not be afterwards.
func NewProxy(config *rest.Config, namespace, pod string, port int, path string) *Proxy {
	addr := Addr{Link: "proxy", Namespace: namespace, Pod: pod, Port: strconv.Itoa(port)}
	return &Proxy{config: config, addr: addr, path: path}
}

// String returns "proxy".
func (d *Proxy) String() string { return d.addr.Link }

// Dial opens a link. It costs a TLS connection and one round trip. Errors are
// internal/kube's. The connection's CloseWrite ends both directions: the API
// server does not half-close. An end of data may be one that was cut off.
func (d *Proxy) Dial(ctx context.Context) (net.Conn, error) {
	return within(ctx, d.config.Host, func(ctx context.Context) (net.Conn, error) {
		conn, err := d.dial(ctx)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", explain(d.config.Host, d.addr.call("get", "proxy"), err))
		}
		return conn, nil
	})
}

func (d *Proxy) dial(ctx context.Context) (*proxyConn, error) {
	target, err := d.addr.url(d.config, d.addr.Pod+":"+d.addr.Port, "proxy", d.path)
	if err != nil {
		return nil, err
	}
	conn := &proxyConn{addr: d.addr}
	rt, err := d.transport(conn)
	if err != nil {
		return nil, err
	}
	req, err := upgradeRequest(ctx, target)
	if err != nil {
		return nil, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	body, ok := resp.Body.(io.ReadWriteCloser) // if the answer has all that makes it an upgrade
	if got := resp.Header.Get("Upgrade"); !ok || !strings.EqualFold(got, Upgrade) {
		resp.Body.Close() // what is in it may not end
		return nil, &refusedError{resp.StatusCode, fmt.Errorf("unexpected protocol %q", got)}
	}
	conn.body = body
	return conn, nil
}

func upgradeRequest(ctx context.Context, target *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", Upgrade)
	return req, nil
}

// transport carries one request, with all that config says of credentials and
// proxies, and puts the connection that it makes into conn.
func (d *Proxy) transport(conn *proxyConn) (http.RoundTripper, error) {
	tlsConfig, err := rest.TLSConfigFor(d.config)
	if err != nil {
		return nil, &kube.ConfigError{Err: err}
	}
	proxy := d.config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	dial := d.config.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	rt, err := rest.HTTPWrappersForConfig(d.config, &http.Transport{
		Proxy:             proxy,
		TLSClientConfig:   tlsConfig,
		TLSNextProto:      map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/2 has no such upgrade
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			boundUnsent(raw)
			conn.Conn = cork.New(raw)
			return conn.Conn, nil
		},
	})
	if err != nil {
		return nil, &kube.ConfigError{Err: err}
	}
	return rt, nil
}

// proxyConn is an upgraded connection: what is written to body reaches the
// embedded one in TLS records.
type proxyConn struct {
	*cork.Conn
	body io.ReadWriteCloser
	addr Addr
}

func (c *proxyConn) Read(b []byte) (int, error) { return c.body.Read(b) }

func (c *proxyConn) Write(b []byte) (int, error) {
	c.Cork()
	n, err := c.body.Write(b)
	if late := c.Uncork(); err == nil && late != nil {
		return 0, late
	}
	return n, err
}

// Close ends both directions without a word: whoever may be stuck in a Write
// is released.
func (c *proxyConn) Close() error { return c.Conn.Close() }

// CloseWrite ends the connection.
func (c *proxyConn) CloseWrite() error { return c.Close() }

func (c *proxyConn) RemoteAddr() net.Addr { return c.addr }
