package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A workspace is where one run reads and writes: the checkout it was started
// in and the cache that all checkouts of this user share. One run at a time
// holds the cache; the others wait.
type workspace struct {
	root   string // the checkout, where go.mod is
	cache  string // built components, logs, work in progress
	unlock func()
}

func openWorkspace(ctx context.Context) (*workspace, error) {
	gomod, err := output(ctx, "go", "env", "GOMOD")
	if err != nil {
		return nil, fmt.Errorf("find the checkout: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find the cache directory: %w", err)
	}
	ws := &workspace{root: filepath.Dir(gomod), cache: filepath.Join(cache, "fwd")}
	for _, dir := range []string{ws.path("bin"), ws.path("log")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the cache directory: %w", err)
		}
	}
	if ws.unlock, err = lock(ws.path("lock")); err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	return ws, nil
}

func (ws *workspace) close() { ws.unlock() }

// path returns a path in the cache.
func (ws *workspace) path(elem ...string) string {
	return filepath.Join(append([]string{ws.cache}, elem...)...)
}

// source returns a path below tests/cluster in the checkout.
func (ws *workspace) source(elem ...string) string {
	return filepath.Join(append([]string{ws.root, "tests", "cluster"}, elem...)...)
}

// kubeconfig returns the path of the file that the cluster is reached by.
func (ws *workspace) kubeconfig() string {
	return filepath.Join(ws.root, ".kind", "kubeconfig")
}

// temp makes an empty directory for work in progress. It is in the cache, so
// that what is made there can be renamed into place.
func (ws *workspace) temp(name string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(ws.cache, "tmp-"+name+"-")
	if err != nil {
		return "", nil, fmt.Errorf("make a work directory: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}
