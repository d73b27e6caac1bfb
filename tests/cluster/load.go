package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// loadImage puts an image into the cluster's node unless one of that hash is
// there. The hash is kept as a label beside the image itself, so it cannot
// outlive it.
func loadImage(ctx context.Context, tag, hash string) error {
	name, err := imageInNode(ctx, tag, fmt.Sprintf(",labels.%q==%s", hashLabel, hash))
	if err != nil || name != "" {
		return err
	}
	return step("loading "+tag+" into the cluster", "a few seconds", func() error {
		err := pipe(exec.CommandContext(ctx, "docker", "save", tag),
			exec.CommandContext(ctx, "docker", "exec", "-i", nodeName,
				"ctr", "-n", "k8s.io", "images", "import", "--all-platforms", "--digests", "-"))
		if err != nil {
			return err
		}
		if name, err = imageInNode(ctx, tag, ""); err != nil {
			return err
		}
		_, err = inNode(ctx, "ctr", "-n", "k8s.io", "images", "label", name, hashLabel+"="+hash)
		return err
	})
}

// imageInNode returns containerd's name, which is longer than Docker's, for a
// tag in the node, or nothing if no such image passes the filter.
func imageInNode(ctx context.Context, tag, filter string) (string, error) {
	name, err := inNode(ctx, "ctr", "-n", "k8s.io", "images", "ls", "-q", fmt.Sprintf("name~=%q%s", tag+"$", filter))
	if err != nil {
		return "", fmt.Errorf("list the node's images: %w", err)
	}
	return strings.TrimSpace(name), nil
}
