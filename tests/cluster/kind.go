package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	clusterName = "fwd"
	nodeName    = clusterName + "-control-plane" // kind's name for the container
	markFile    = "/kind/fwd-cluster"            // in the node: what the cluster was made from
)

// kindCommand returns a call of kind, which is built from its module.
func kindCommand(ctx context.Context, ws *workspace, args ...string) (*exec.Cmd, error) {
	dir, err := kind.build(ctx, ws)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "kind"), append(args, "--name", clusterName)...)
	cmd.Env = append(os.Environ(), "KIND_EXPERIMENTAL_PROVIDER=docker")
	return cmd, nil
}

// createCluster makes the cluster and marks it.
func createCluster(ctx context.Context, ws *workspace, image, config, mark string) error {
	cmd, err := kindCommand(ctx, ws, "create", "cluster", "--image", image, "--config", "-",
		"--kubeconfig", ws.path("kubeconfig"), "--wait", "3m")
	if err != nil {
		return err
	}
	cmd.Stdin = strings.NewReader(config)
	if err := ws.logged(cmd, "kind-create"); err != nil {
		return err
	}
	_, err = inNode(ctx, "sh", "-c", fmt.Sprintf("echo %s >%s", mark, markFile))
	return err
}

// deleteCluster removes whatever there is of the cluster.
func deleteCluster(ctx context.Context, ws *workspace) error {
	cmd, err := kindCommand(ctx, ws, "delete", "cluster", "--kubeconfig", ws.path("kubeconfig"))
	if err != nil {
		return err
	}
	return ws.logged(cmd, "kind-delete")
}

// exportKubeconfig writes this checkout's kubeconfig if it is not there or not
// of this cluster. Whoever reads the old one meanwhile reads all of it.
func exportKubeconfig(ctx context.Context, ws *workspace) error {
	cmd, err := kindCommand(ctx, ws, "get", "kubeconfig")
	if err != nil {
		return err
	}
	want, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ask kind for the kubeconfig: %w", err)
	}
	path := ws.kubeconfig()
	if have, err := os.ReadFile(path); err == nil && string(have) == string(want) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	if err := os.WriteFile(path+".new", want, 0o600); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	return nil
}

// inNode runs a short command in the node.
func inNode(ctx context.Context, args ...string) (string, error) {
	return output(ctx, "docker", append([]string{"exec", nodeName}, args...)...)
}
