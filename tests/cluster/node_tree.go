package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// nodeTree builds the node image without the component images in it.
func nodeTree(ctx context.Context, ws *workspace, tag, root string, dirs map[string]string, images []string) error {
	work, remove, err := ws.temp("node")
	if err != nil {
		return err
	}
	defer remove()
	if err := stageNode(ctx, ws, filepath.Join(work, "tree"), dirs); err != nil {
		return fmt.Errorf("stage the node image: %w", err)
	}
	return ws.buildImage(ctx, "image-node", ws.source("node", "Dockerfile"), work, bare(tag),
		"--build-arg", "ROOT="+root, "--build-arg", "PAUSE="+pauseTag(images))
}

// bare is the name of the node image before the component images are in it.
func bare(tag string) string { return tag + "-bare" }

// stageNode lays out the files that the node adds to the root file system.
func stageNode(ctx context.Context, ws *workspace, tree string, dirs map[string]string) error {
	// A module that nothing was built from yet has no directory.
	if _, err := output(ctx, "go", "-C", ws.source(kind.module), "mod", "download", "sigs.k8s.io/kind"); err != nil {
		return err
	}
	kindDir, err := output(ctx, "go", "-C", ws.source(kind.module), "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind")
	if err != nil {
		return err
	}
	version, err := kubernetes.version(ctx, ws)
	if err != nil {
		return err
	}
	for _, copied := range []struct{ from, dir string }{
		{filepath.Join(kindDir, "images", "base", "files"), "."},
		{dirs["containerd"], "usr/local/bin"},
		{dirs["cni"], "opt/cni/bin"},
		{dirs["kubernetes"], "usr/bin"},
	} {
		if err := stageTree(copied.from, tree, copied.dir); err != nil {
			return err
		}
	}
	for _, name := range []string{"kubelet", "kubeadm", "kubectl"} {
		if err := os.Symlink("kubernetes", filepath.Join(tree, "usr/bin", name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(tree, "kind/version"), []byte(version), 0o644); err != nil {
		return err
	}
	return stage(ws.source("node", "10-fwd.conflist"), filepath.Join(tree, "etc/cni/net.d/10-fwd.conflist"), 0o644)
}

// preloadScript runs the node's containerd for as long as it takes to import
// what comes in on stdin.
const preloadScript = `
containerd >/tmp/containerd.log 2>&1 &
for i in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
ctr -n k8s.io images import --all-platforms --no-unpack - || { tail /tmp/containerd.log >&2; exit 1; }
kill %1 && wait %1
rm -f /tmp/containerd.log`

// preload puts the component images into the node image, so that a cluster
// starts without a registry: it imports them in a container and commits that.
func preload(ctx context.Context, tag string, images []string) error {
	container, err := output(ctx, "docker", "create", "-i", "--security-opt", "seccomp=unconfined",
		"--entrypoint", "bash", bare(tag), "-c", preloadScript)
	if err != nil {
		return fmt.Errorf("load the component images: %w", err)
	}
	defer func() { _, _ = output(context.WithoutCancel(ctx), "docker", "rm", "-f", "-v", container) }()

	err = pipe(exec.CommandContext(ctx, "docker", append([]string{"save"}, images...)...),
		exec.CommandContext(ctx, "docker", "start", "-a", "-i", container))
	if err != nil {
		return fmt.Errorf("load the component images: %w", err)
	}
	if _, err := output(ctx, "docker", "commit",
		"--change", `ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]`, "--change", "CMD []", container, tag); err != nil {
		return fmt.Errorf("commit the node image: %w", err)
	}
	return nil
}
