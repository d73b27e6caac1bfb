package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A component is a program that the cluster is made of, built from a Go module.
type component struct {
	name    string // also the directory of its module, and of its log
	module  string // where its go.mod is, below tests/cluster
	target  string // the package to build, or "tool" for all tools of go.mod
	ldflags func(version string) string
	of      string // the module whose version ldflags gets
	host    bool   // runs on this machine, not in the node
	usual   string // how long it takes
}

const aMinute = "once per version, a minute at most"

var (
	kubernetes = component{name: "kubernetes", module: "node/kubernetes", target: ".",
		of: "k8s.io/kubernetes", ldflags: kubernetesVersion, usual: "once per version, 6 to 8 minutes"}
	containerd = component{name: "containerd", module: "node/containerd", target: "tool", usual: aMinute,
		of: "github.com/containerd/containerd/v2", ldflags: func(version string) string {
			return " -X github.com/containerd/containerd/v2/version.Version=" + version
		}}
	etcd    = component{name: "etcd", module: "node/etcd", target: "tool", usual: aMinute}
	coredns = component{name: "coredns", module: "node/coredns", target: "tool", usual: aMinute}
	cni     = component{name: "cni", module: "node/cni", target: "tool", usual: aMinute}
	pause   = component{name: "pause", module: "node/pause", target: ".", usual: aMinute}
	kind    = component{name: "kind", module: "node/kind", target: "tool", host: true, usual: aMinute}
)

// nodeComponents are what the node image is made of, the longest build first.
var nodeComponents = []component{kubernetes, containerd, coredns, etcd, cni, pause}

// kubernetesVersion tells every binary its version; without it kubeadm would
// ask for images of another release.
func kubernetesVersion(version string) string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	var flags strings.Builder
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		fmt.Fprintf(&flags, " -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean",
			pkg, version, major, minor)
	}
	return flags.String()
}

// hash names what the component is built from.
func (c component) hash(ws *workspace) (string, error) {
	sources, err := hashTree(ws.source(c.module))
	if err != nil {
		return "", err
	}
	flags := ""
	if c.ldflags != nil {
		flags = c.ldflags("")
	}
	return hashOf(c.name, sources, c.target, flags, runtime.Version(), runtime.GOARCH), nil
}

// build returns the directory that holds the component's programs, building
// them if nothing of their hash is there. Older builds of it are removed.
func (c component) build(ctx context.Context, ws *workspace) (dir string, err error) {
	hash, err := c.hash(ws)
	if err != nil {
		return "", err
	}
	dir = ws.path("component", c.name+"-"+hash)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	work, remove, err := ws.temp(c.name)
	if err != nil {
		return "", err
	}
	defer remove()
	if err := step("compiling "+c.name, c.usual, func() error { return c.compile(ctx, ws, work) }); err != nil {
		return "", err
	}
	old, _ := filepath.Glob(ws.path("component", c.name+"-*"))
	for _, dir := range old {
		_ = os.RemoveAll(dir)
	}
	if err := os.MkdirAll(ws.path("component"), 0o755); err != nil {
		return "", fmt.Errorf("make the component cache: %w", err)
	}
	if err := os.Rename(work, dir); err != nil {
		return "", fmt.Errorf("keep the build of %s: %w", c.name, err)
	}
	return dir, nil
}

func (c component) compile(ctx context.Context, ws *workspace, dir string) error {
	flags := ""
	if c.ldflags != nil {
		version, err := c.version(ctx, ws)
		if err != nil {
			return err
		}
		flags = c.ldflags(version)
	}
	return ws.goBuild(ctx, c.name, ws.source(c.module), dir+"/", c.target, flags, c.host)
}

func (c component) version(ctx context.Context, ws *workspace) (string, error) {
	version, err := output(ctx, "go", "-C", ws.source(c.module), "list", "-m", "-f", "{{.Version}}", c.of)
	if err != nil {
		return "", fmt.Errorf("find the version of %s: %w", c.name, err)
	}
	return version, nil
}

// goBuild builds static binaries that do not depend on where they were built,
// and for the node unless they are for this host.
func (ws *workspace) goBuild(ctx context.Context, logName, dir, out, target, ldflags string, host bool) error {
	cmd := exec.CommandContext(ctx, "nice", "-n", "5", "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w"+ldflags, "-o", out, target)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if !host {
		cmd.Env = append(cmd.Env, "GOOS=linux")
	}
	return ws.logged(cmd, logName)
}
