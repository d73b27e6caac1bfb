package link

import (
	"context"
	"net"

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

// String returns namespace/pod:port.
func (a Addr) String() string { return a.Namespace + "/" + a.Pod + ":" + a.Port }
