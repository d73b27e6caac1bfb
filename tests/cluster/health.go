package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// clusterMark returns what the running cluster was made from; empty means that
// there is none, it does not run, or it was not finished.
func clusterMark(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	running, err := output(ctx, "docker", "container", "inspect", "-f", "{{.State.Running}}", nodeName)
	if err != nil || running != "true" {
		return ""
	}
	mark, err := inNode(ctx, "cat", markFile)
	if err != nil {
		return ""
	}
	return mark
}

// checkCluster says whether the cluster can be used: its API answers on this
// host, its node is Ready and CoreDNS runs.
func checkCluster(ctx context.Context) error {
	if err := checkAPI(ctx); err != nil {
		return err
	}
	const ready = "-o=jsonpath={range .items[*]}{.status.conditions[?(@.type=='Ready')].status}{end}"
	node, err := inNode(ctx, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "get", "node", ready)
	if err != nil {
		return err
	}
	if node != "True" {
		return fmt.Errorf("the node is not ready: %q", node)
	}
	dns, err := inNode(ctx, "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "get", "pod",
		"-n=kube-system", "-l=k8s-app=kube-dns", ready)
	if err != nil {
		return err
	}
	if !strings.Contains(dns, "True") {
		return fmt.Errorf("CoreDNS is not ready: %q", dns)
	}
	return nil
}

// checkAPI asks the API server whether it is ready, the way a test reaches it.
// The answer holds nothing to trust, so its certificate is not checked.
func checkAPI(ctx context.Context) error {
	addr, err := output(ctx, "docker", "port", nodeName, "6443/tcp")
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("ask the API server: %w", err)
	}
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the API server: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the API server is not ready: %s", resp.Status)
	}
	return nil
}

// waitForCluster checks until the cluster can be used or patience is over.
func waitForCluster(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := checkCluster(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster is not ready after %s: %w", patience, err)
		case <-time.After(time.Second):
		}
	}
}
