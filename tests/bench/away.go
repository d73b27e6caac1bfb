package main

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"sync"

	"k8s.io/client-go/tools/clientcmd/api"
)

// goAway puts a delay before the API server, with a rate or 0, until stop, and returns a
// kubeconfig that leads through it.
func (b *bench) goAway(ctx context.Context, rate int) (kubeconfig string, stop func(), err error) {
	var d *delay
	kubeconfig = filepath.Join(b.work, "kubeconfig-far")
	var failed error
	err = rewrite(b.kubeconfig, kubeconfig, func(server *api.Cluster) {
		var there *url.URL
		if there, failed = url.Parse(server.Server); failed != nil {
			return
		}
		if d, failed = newDelay(there.Host, farWay, rate); failed != nil {
			return
		}
		if server.TLSServerName == "" {
			server.TLSServerName = there.Hostname()
		}
		there.Host = d.addr()
		server.Server = there.String()
	})
	if err = errors.Join(failed, err); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { d.run(ctx) })
	return kubeconfig, func() { cancel(); running.Wait() }, nil
}
