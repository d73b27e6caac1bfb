//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// What all stories share; set by TestMain and not changed later.
var (
	root       string // of the checkout
	bin        string // directory of the commands under test
	kubeconfig string
	restConfig *rest.Config
	client     *kubernetes.Clientset
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	var err error
	if root, err = filepath.Abs("../.."); err != nil {
		return 0, err
	}
	kubeconfig = filepath.Join(root, ".kind", "kubeconfig")
	if restConfig, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return 0, fmt.Errorf("%w; task cluster:up makes the cluster", err)
	}
	restConfig.QPS, restConfig.Burst = 100, 200
	if client, err = kubernetes.NewForConfig(restConfig); err != nil {
		return 0, err
	}
	if _, err := client.ServerVersion(); err != nil {
		return 0, fmt.Errorf("%w; task cluster:up brings the cluster up", err)
	}
	if bin, err = os.MkdirTemp("", "fwd-e2e-bin-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(bin)
	build := exec.Command("go", "build", "-o", bin+"/", "./cmd/...", "./tests/workload", "./tests/peer")
	build.Dir, build.Stderr = root, os.Stderr
	if err := build.Run(); err != nil {
		return 0, fmt.Errorf("build the commands: %w", err)
	}
	return m.Run(), nil
}
