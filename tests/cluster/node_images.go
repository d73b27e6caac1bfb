package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// componentImages builds the images that kubeadm wants in the node and returns
// their tags, which kubeadm itself names.
func componentImages(ctx context.Context, ws *workspace, root string, dirs map[string]string) ([]string, error) {
	tags, err := kubeadmImages(ctx, ws, dirs["kubernetes"])
	if err != nil {
		return nil, err
	}
	work, remove, err := ws.temp("images")
	if err != nil {
		return nil, err
	}
	defer remove()
	if err := stageImages(work, dirs); err != nil {
		return nil, fmt.Errorf("stage the component images: %w", err)
	}
	for _, tag := range tags {
		name := dockerfileOf(tag)
		var args []string
		if name == "control-plane" {
			args = []string{"--build-arg", "ROOT=" + root}
		}
		dockerfile := ws.source("node", name+".Dockerfile")
		if err := ws.buildImage(ctx, "image-"+name, dockerfile, work, tag, args...); err != nil {
			return nil, fmt.Errorf("build %s: %w", tag, err)
		}
	}
	return tags, nil
}

// kubeadmImages asks kubeadm for the images of its version.
func kubeadmImages(ctx context.Context, ws *workspace, kubernetesDir string) ([]string, error) {
	version, err := kubernetes.version(ctx, ws)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(kubernetesDir, "kubernetes"), "config", "images", "list", "--kubernetes-version", version)
	cmd.Args[0] = "kubeadm"
	list, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ask kubeadm for its images: %w", err)
	}
	return strings.Fields(string(list)), nil
}

// dockerfileOf says which Dockerfile makes the image of that tag.
func dockerfileOf(tag string) string {
	switch {
	case strings.Contains(tag, "/pause:"):
		return "pause"
	case strings.Contains(tag, "/coredns:"):
		return "coredns"
	default:
		return "control-plane"
	}
}

// pauseTag returns the tag of the pause image.
func pauseTag(tags []string) string {
	for _, tag := range tags {
		if dockerfileOf(tag) == "pause" {
			return tag
		}
	}
	return ""
}

// stageImages lays out the build context of all component images.
func stageImages(work string, dirs map[string]string) error {
	bin := filepath.Join(work, "control-plane")
	copies := map[string]string{
		filepath.Join(dirs["kubernetes"], "kubernetes"): filepath.Join(bin, "kubernetes"),
		filepath.Join(dirs["etcd"], "server"):           filepath.Join(bin, "etcd"),
		filepath.Join(dirs["coredns"], "coredns"):       filepath.Join(work, "coredns", "coredns"),
		filepath.Join(dirs["pause"], "pause"):           filepath.Join(work, "pause", "pause"),
	}
	for from, to := range copies {
		if err := stage(from, to, 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"} {
		if err := os.Symlink("kubernetes", filepath.Join(bin, name)); err != nil {
			return err
		}
	}
	return nil
}
