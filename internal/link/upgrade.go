package link

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	gorilla "github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
	streamspdy "k8s.io/streaming/pkg/httpstream/spdy"
)

// upgradeWebSocket asks the API server for a WebSocket that carries SPDY.
func upgradeWebSocket(ctx context.Context, config *rest.Config, target *url.URL) (net.Conn, error) {
	// A round tripper of this kind holds the connection it made, so each link
	// needs its own.
	rt, holder, err := websocket.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	ws, err := websocket.Negotiate(rt, holder, req, portforward.WebsocketsSPDYTunnelingPortForwardV1)
	if err != nil {
		return nil, err
	}
	return &wsConn{Conn: ws.NetConn(), ws: ws}, nil
}

// upgradeSPDY asks the API server for plain SPDY. br may hold bytes of the
// connection already.
func upgradeSPDY(ctx context.Context, config *rest.Config, target *url.URL) (net.Conn, *bufio.Reader, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, nil, err
	}
	dialer, err := streamspdy.NewRoundTripperWithConfig(streamspdy.RoundTripperConfig{TLS: tlsConfig, Proxier: config.Proxy})
	if err != nil {
		return nil, nil, err
	}
	upgrade := &spdyUpgrade{dialer: dialer}
	rt, err := rest.HTTPWrappersForConfig(config, upgrade)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, portforward.PortForwardV1Name)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer upgrade.conn.Close()
		return nil, nil, refusal(resp)
	}
	return upgrade.conn, upgrade.br, nil
}

// spdyUpgrade is a round tripper for one request that keeps its connection.
// client-go's own does too, but gives it away only wrapped in its SPDY.
type spdyUpgrade struct {
	dialer *streamspdy.SpdyRoundTripper
	conn   net.Conn
	br     *bufio.Reader
}

func (u *spdyUpgrade) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, streamspdy.HeaderSpdy31)
	conn, err := u.dialer.Dial(req)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(req.Context(), func() { conn.Close() })
	u.conn, u.br = conn, bufio.NewReaderSize(conn, readBuffer)
	resp, err := http.ReadResponse(u.br, req)
	if !stop() {
		return nil, req.Context().Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return resp, nil
}

// refusal reads the API server's reason for not upgrading.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	status := metav1.Status{}
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" {
		return &apierrors.StatusError{ErrStatus: status}
	}
	return &httpstream.UpgradeFailureError{
		Cause: fmt.Errorf("unexpected answer %s: %s", resp.Status, strings.TrimSpace(string(body))),
	}
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
