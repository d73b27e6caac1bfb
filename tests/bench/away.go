package main

import (
	"context"
	"net/url"
	"path/filepath"
	"sync"

	"k8s.io/client-go/tools/clientcmd"
)

// goAway puts a delay before the API server, until stop, and returns a
// kubeconfig that leads through it.
func (b *bench) goAway(ctx context.Context) (kubeconfig string, stop func(), err error) {
	config, err := clientcmd.LoadFromFile(b.kubeconfig)
	if err != nil {
		return "", nil, err
	}
	server := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	there, err := url.Parse(server.Server)
	if err != nil {
		return "", nil, err
	}
	d, err := newDelay(there.Host, farWay)
	if err != nil {
		return "", nil, err
	}
	if server.TLSServerName == "" {
		server.TLSServerName = there.Hostname()
	}
	there.Host = d.addr()
	server.Server = there.String()
	kubeconfig = filepath.Join(b.work, "kubeconfig-far")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { d.run(ctx) })
	return kubeconfig, func() { cancel(); running.Wait() }, nil
}
