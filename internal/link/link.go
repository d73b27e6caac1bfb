package link

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fwdtools/fwd/internal/kube"
)

// A Dialer opens links to one port of one pod. It is safe for concurrent use.
type Dialer interface {
	// Dial opens a link; ctx bounds the opening and not the life. A port that
	// nobody listens on may show only in the first Read.
	//
	// The connection has a CloseWrite method, and its reader must keep reading:
	// there is no flow control beneath it other than the whole link's.
	Dial(ctx context.Context) (net.Conn, error)
	// String is what the kind of link is called to people: "portforward".
	String() string
}

// dialTimeout bounds an opening whose context has no end.
const dialTimeout = 30 * time.Second

// within dials with that bound. Where it is what ended the opening, the error
// is that host does not answer.
func within(ctx context.Context, host string, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := dial(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return nil, &kube.UnreachableError{URL: host, Err: fmt.Errorf("no answer within %v", dialTimeout)}
	}
	return conn, err
}

// maxUnsent is how many bytes the kernel may hold that the network has no room
// for.
const maxUnsent = 128 << 10

// Addr is the far end of a link.
type Addr struct {
	Link      string // the Dialer's name
	Namespace string
	Pod       string
	Port      string
}

// Network returns the kind of link.
func (a Addr) Network() string { return a.Link }

// call is what the cluster is asked for a link.
func (a Addr) call(verb, subresource string) kube.Call {
	return kube.Call{Verb: verb, Resource: "pods", Subresource: subresource, Namespace: a.Namespace, Name: a.Pod}
}

// url is where the cluster serves what is below a pod, which a port may follow.
func (a Addr) url(config *rest.Config, pod string, below ...string) (*url.URL, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, &kube.ConfigError{Err: err}
	}
	return base.JoinPath("api/v1/namespaces", a.Namespace, "pods", pod).JoinPath(below...), nil
}

// String returns namespace/pod:port.
func (a Addr) String() string { return a.Namespace + "/" + a.Pod + ":" + a.Port }
