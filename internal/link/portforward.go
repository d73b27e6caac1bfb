package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/fwdtools/fwd/internal/kube"
)

// dialTimeout bounds an opening whose context has no end.
const dialTimeout = 30 * time.Second

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
	bounded, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := d.dial(bounded)
	switch {
	case err == nil:
		return conn, nil
	case bounded.Err() != nil && ctx.Err() == nil:
		err = fmt.Errorf("no answer within %v", dialTimeout)
		return nil, &kube.UnreachableError{URL: d.config.Host, Err: err}
	}
	return nil, err
}

func (d *PortForward) dial(ctx context.Context) (*Conn, error) {
	target, err := d.url()
	if err != nil {
		return nil, err
	}
	if !d.spdyOnly.Load() {
		raw, err := upgradeWebSocket(ctx, d.config, target)
		if err == nil {
			return newConn(raw, bufio.NewReaderSize(raw, readBuffer), d.addr, d.port)
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
	return newConn(raw, br, d.addr, d.port)
}

func (d *PortForward) url() (*url.URL, error) {
	base, _, err := rest.DefaultServerUrlFor(d.config)
	if err != nil {
		return nil, &kube.ConfigError{Err: err}
	}
	return base.JoinPath("api/v1/namespaces", d.addr.Namespace, "pods", d.addr.Pod, "portforward"), nil
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
