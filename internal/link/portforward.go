package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
)

// PortForward dials a port of a pod through the API server's pods/portforward,
// as kubectl port-forward does: it reaches what listens on the pod's loopback,
// and needs the permissions get and create on pods/portforward.
type PortForward struct {
	config *rest.Config
	addr   Addr
	port   int
	log    zerolog.Logger

	// spdyOnly is set once the API server, or something before it, has refused a
	// WebSocket, to save the attempt the next time.
	spdyOnly atomic.Bool
}

var _ Dialer = (*PortForward)(nil)

// NewPortForward returns a Dialer for one port of one pod. config is not
// changed and must not be afterwards.
func NewPortForward(config *rest.Config, namespace, pod string, port int, log zerolog.Logger) *PortForward {
	addr := Addr{Link: "portforward", Namespace: namespace, Pod: pod, Port: strconv.Itoa(port)}
	return &PortForward{config: config, addr: addr, port: port, log: log}
}

// String returns "portforward".
func (d *PortForward) String() string { return d.addr.Link }

// Dial opens a link. It costs a TLS connection and one round trip. Errors are
// internal/kube's: the API server answers for the pod and the node.
//
// After a write timed out the link is of no use any more, like a tls.Conn.
func (d *PortForward) Dial(ctx context.Context) (net.Conn, error) {
	return within(ctx, d.config.Host, d.dial)
}

func (d *PortForward) dial(ctx context.Context) (net.Conn, error) {
	target, err := d.addr.url(d.config, d.addr.Pod, "portforward")
	if err != nil {
		return nil, err
	}
	if !d.spdyOnly.Load() {
		raw, err := upgradeWebSocket(ctx, d.config, target)
		if err == nil {
			return d.over(raw, bufio.NewReaderSize(raw, readBuffer))
		}
		if !fallBack(err) {
			return nil, d.explain("get", err)
		}
		d.log.Debug().Err(err).Msg("no WebSocket to the pod, trying SPDY")
	}
	raw, br, err := upgradeSPDY(ctx, d.config, target)
	if err != nil {
		return nil, d.explain("create", err)
	}
	d.spdyOnly.Store(true)
	return d.over(raw, br)
}

// over returns the link on a connection that was upgraded.
func (d *PortForward) over(raw net.Conn, br *bufio.Reader) (net.Conn, error) {
	conn, err := newConn(raw, br, d.addr, d.port)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func (d *PortForward) explain(verb string, err error) error {
	return fmt.Errorf("port-forward: %w", explain(d.config.Host, d.addr.call(verb, "portforward"), err))
}

// fallBack reports whether a failed WebSocket is reason to try SPDY: the
// upgrade was refused. Not so if the answer has nothing to do with WebSockets
// and would be the same again: 500 is the node's, of a pod that is not there
// yet or a kubelet that is not.
func fallBack(err error) bool {
	refused, ok := errors.AsType[*refusedError](err)
	if !ok {
		return httpstream.IsHTTPSProxyError(err)
	}
	switch refused.code {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError:
		return false
	}
	return true
}
