package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()

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
	call := kube.Call{
		Verb: verb, Resource: "pods", Subresource: "portforward", Namespace: d.addr.Namespace, Name: d.addr.Pod,
	}
	if upgrade, ok := errors.AsType[*httpstream.UpgradeFailureError](err); ok {
		err = upgrade.Cause
		if _, ok := errors.AsType[*apierrors.StatusError](err); !ok {
			// An answer, only not the API server's own.
			return &kube.APIError{Call: call, Err: err}
		}
	}
	return fmt.Errorf("port-forward: %w", kube.Explain(d.config.Host, call, err))
}

// fallBack reports whether a failed WebSocket is reason to try SPDY: the
// upgrade was refused. Not so if the API server's answer has nothing to do with
// WebSockets and would be the same again.
func fallBack(err error) bool {
	upgrade, ok := errors.AsType[*httpstream.UpgradeFailureError](err)
	if !ok {
		return httpstream.IsHTTPSProxyError(err)
	}
	return !apierrors.IsUnauthorized(upgrade.Cause) && !apierrors.IsNotFound(upgrade.Cause)
}
