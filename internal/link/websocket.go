package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	gorilla "github.com/gorilla/websocket"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
)

// upgradeWebSocket asks the API server for a WebSocket that carries SPDY.
//
// client-go has a round tripper for that too; it does not end with its context
// while it waits for an answer, and its buffer makes two WebSocket frames of
// one of ours.
func upgradeWebSocket(ctx context.Context, config *rest.Config, target *url.URL) (net.Conn, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, err
	}
	upgrade := &webSocketUpgrade{dialer: gorilla.Dialer{
		TLSClientConfig: tlsConfig,
		Proxy:           config.Proxy,
		Subprotocols:    []string{portforward.WebsocketsSPDYTunnelingPortForwardV1},
		ReadBufferSize:  readBuffer,
		WriteBufferSize: frameHeader + maxFrame,
	}}
	if upgrade.dialer.Proxy == nil {
		upgrade.dialer.Proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	rt, err := rest.HTTPWrappersForConfig(config, upgrade)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	if _, err := rt.RoundTrip(req); err != nil {
		return nil, err
	}
	return &wsConn{Conn: upgrade.ws.NetConn(), ws: upgrade.ws}, nil
}

// webSocketUpgrade is a round tripper for one request that keeps its
// connection. It stands below client-go's, which add the credentials.
type webSocketUpgrade struct {
	dialer gorilla.Dialer
	ws     *gorilla.Conn
}

func (u *webSocketUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	// The dialer heeds ctx's deadline throughout, but a cancel only while it
	// connects.
	stop := func() bool { return true }
	u.dialer.NetDialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			boundUnsent(conn)
			stop = context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	target := *req.URL
	target.Scheme = map[string]string{"http": "ws", "https": "wss"}[target.Scheme]

	ws, resp, err := u.dialer.DialContext(ctx, target.String(), req.Header)
	switch {
	case !stop():
		if err == nil {
			ws.Close()
		}
		return nil, context.Cause(ctx)
	case errors.Is(err, gorilla.ErrBadHandshake):
		return nil, refusal(resp)
	case err != nil:
		return nil, err
	case ws.Subprotocol() != u.dialer.Subprotocols[0]:
		ws.Close()
		return nil, &refusedError{resp.StatusCode, fmt.Errorf("unexpected protocol %q", ws.Subprotocol())}
	}
	u.ws = ws
	return resp, nil
}

// wsConn makes one byte stream of a WebSocket's binary messages, a message for
// each Write. Deadlines and addresses are those of the connection beneath.
type wsConn struct {
	net.Conn
	ws      *gorilla.Conn
	message io.Reader // what is left of the message being read, or nil
}

func (c *wsConn) Read(p []byte) (int, error) {
	for {
		if c.message == nil {
			_, r, err := c.ws.NextReader()
			if err != nil {
				return 0, err
			}
			c.message = r
		}
		n, err := c.message.Read(p)
		if err == io.EOF {
			c.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *wsConn) Write(p []byte) (int, error) {
	if err := c.ws.WriteMessage(gorilla.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close says goodbye, which lets the API server end without a complaint, unless
// somebody is stuck in a write.
func (c *wsConn) Close() error {
	goodbye := gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, "")
	_ = c.ws.WriteControl(gorilla.CloseMessage, goodbye, time.Now().Add(100*time.Millisecond))
	return c.Conn.Close()
}
