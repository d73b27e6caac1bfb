package fwd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/link"
)

// Direct reaches ports of the target itself by plain port-forward, without an
// agent: nothing is added to the cluster, and pods/portforward is the only
// permission beyond reading pods.
//
// Its limits are those of Kubernetes: only the pod's own loopback; no
// half-close, see DirectConn; a reset arrives as an end of data or as a lost
// connection; a connection whose data nobody reads may hold up others.
type Direct struct {
	log     zerolog.Logger
	cluster *kube.Cluster
	target  kube.Target

	mu    sync.Mutex
	pod   kube.Pod            // guarded by mu; the one in use
	links map[int]link.Dialer // guarded by mu; to ports of pod
}

// NewDirect checks cfg, which must have a target, and reads the kubeconfig. It
// asks nothing of the network.
func NewDirect(cfg Config) (*Direct, error) {
	target, err := cfg.target()
	if err != nil {
		return nil, err
	}
	if target.IsZero() {
		return nil, errors.New("a port-forward without an agent needs a target")
	}
	cluster, err := kube.New(cfg.kubeConfig())
	if err != nil {
		return nil, err
	}
	return &Direct{log: cfg.Log, cluster: cluster, target: target}, nil
}

// Connect finds the target's pod, again if the one in use is gone.
func (d *Direct) Connect(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.find(ctx)
}

func (d *Direct) find(ctx context.Context) error {
	pod, err := d.cluster.FindPod(ctx, d.target, func(uid string) bool { return uid == d.pod.UID })
	if err != nil {
		return err
	}
	if pod.UID != d.pod.UID {
		d.log.Info().Msgf("using pod/%s without an agent", pod.Name)
		d.pod, d.links = pod, make(map[int]link.Dialer)
	}
	return nil
}

// Open opens a connection to address, localhost:PORT of the pod. Whether
// anything listens there shows in reading.
func (d *Direct) Open(ctx context.Context, address string) (*DirectConn, error) {
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		return nil, err
	}
	dialer, err := d.dialer(ctx, port)
	if err != nil {
		return nil, err
	}
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := conn.(forward)
	if !ok {
		panic(fmt.Sprintf("fwd: %T has no CloseWrite", conn))
	}
	return &DirectConn{forward: c, quiet: quietTime}, nil
}

// dialer finds the way to a port, after a look whether the pod is still there.
func (d *Direct) dialer(ctx context.Context, port int) (link.Dialer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.find(ctx); err != nil {
		return nil, err
	}
	if d.links[port] == nil {
		d.links[port] = link.NewPortForward(d.cluster.RESTConfig(), d.pod.Namespace, d.pod.Name, port, d.log)
	}
	return d.links[port], nil
}
