package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const (
	namespace  = "fwd-bench" // of a run; there is one at a time
	node       = "fwd-control-plane"
	nodeDir    = "/opt/fwd-bench" // on the node
	podName    = "bench"
	serverPort = 7000
)

// A cluster is what a run has set up, here and there, or finds there.
type cluster struct {
	kubeconfig string
	config     *rest.Config
	client     *kubernetes.Clientset
	bin        string // directory of the commands under test
	work       string // directory of this run, absent when it has ended
	self       string // this program, for here and for the node
	kubectl    string
	nodeIP     string // that kubeconfig leads to; empty where this machine does not reach it
	podIP      string
	nodePort   string // address of the server at the node; empty where this machine does not reach it
	nodePID    int    // first process of the node, 0 where it is not to be seen
}

// newCluster puts the server into the cluster. Whatever it returns is to be
// cleaned up.
func newCluster(ctx context.Context, kubeconfig, bin string) (*cluster, error) {
	c := &cluster{kubeconfig: kubeconfig, bin: bin}
	for _, step := range []func(context.Context) error{c.connect, c.build, c.deploy, c.findNodePort} {
		if err := step(ctx); err != nil {
			return c, err
		}
	}
	c.nodePID = nodeProcess(ctx)
	return c, nil
}

func (c *cluster) connect(ctx context.Context) (err error) {
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig); err != nil {
		return fmt.Errorf("%w; task cluster:up makes the cluster", err)
	}
	if c.client, err = kubernetes.NewForConfig(c.config); err != nil {
		return err
	}
	if c.work, err = os.MkdirTemp("", "fwd-bench-"); err != nil {
		return err
	}
	if _, err = os.Stat(c.fwd("fwd-dial")); err != nil {
		return err
	}
	c.straighten(ctx)
	return nil
}

// straighten takes the node's own address where this machine reaches it. kind's
// kubeconfig leads through a process of the container engine that copies every
// byte: no other cluster has it, and it is as busy as what is measured.
func (c *cluster) straighten(ctx context.Context) {
	n, err := c.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return
	}
	for _, a := range n.Status.Addresses {
		if a.Type != corev1.NodeInternalIP {
			continue
		}
		kubeconfig := filepath.Join(c.work, "kubeconfig")
		err := rewrite(c.kubeconfig, kubeconfig, func(server *api.Cluster) {
			server.Server = "https://" + net.JoinHostPort(a.Address, "6443")
		})
		if err != nil {
			return
		}
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return
		}
		config.Timeout = 2 * time.Second
		if client, err := kubernetes.NewForConfig(config); err == nil {
			if _, err := client.Discovery().ServerVersion(); err == nil {
				c.kubeconfig, c.nodeIP = kubeconfig, a.Address
				return
			}
		}
	}
}

// rewrite copies a kubeconfig with another server in its current context.
func rewrite(from, to string, change func(server *api.Cluster)) error {
	config, err := clientcmd.LoadFromFile(from)
	if err != nil {
		return err
	}
	change(config.Clusters[config.Contexts[config.CurrentContext].Cluster])
	return clientcmd.WriteToFile(*config, to)
}

// build builds this program for the node, copies it there, and takes the node's
// kubectl.
func (c *cluster) build(ctx context.Context) error {
	c.self = filepath.Join(c.work, "bench")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", c.self, "./tests/bench")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if err := finish(cmd); err != nil {
		return err
	}
	if err := finish(exec.CommandContext(ctx, "docker", "exec", node, "sh", "-c", "rm -rf "+nodeDir+" && mkdir -p "+nodeDir)); err != nil {
		return err
	}
	if err := finish(exec.CommandContext(ctx, "docker", "cp", c.self, node+":"+nodeDir+"/bench")); err != nil {
		return err
	}
	return c.takeKubectl(ctx)
}

// takeKubectl takes the node's, which is as new as the cluster; where that does
// not run here, the one on the PATH.
func (c *cluster) takeKubectl(ctx context.Context) error {
	c.kubectl = filepath.Join(c.work, "kubectl")
	file, err := os.OpenFile(c.kubectl, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	cat := exec.CommandContext(ctx, "docker", "exec", node, "cat", "/usr/bin/kubectl")
	cat.Stdout = file
	err = errors.Join(cat.Run(), file.Close())
	if err == nil {
		err = exec.CommandContext(ctx, c.kubectl, "version", "--client").Run()
	}
	if err != nil {
		c.kubectl, err = exec.LookPath("kubectl")
	}
	return err
}

// cleanUp ends and removes whatever there is of the run. ctx bounds it.
func (c *cluster) cleanUp(ctx context.Context) {
	if c.work == "" {
		return
	}
	c.stopAgents(ctx, c.kubeconfig)
	_ = c.client.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{})
	_ = exec.CommandContext(ctx, "docker", "exec", node, "rm", "-rf", nodeDir).Run()
	_ = os.RemoveAll(c.work)
}

// stopAgents stops the agents that were launched with a kubeconfig, and waits
// until the cluster has none of this run.
func (c *cluster) stopAgents(ctx context.Context, kubeconfig string) {
	cmd := exec.CommandContext(ctx, c.fwd("fwd-agent"), "stop", "--all", "-q")
	cmd.Env = c.env(kubeconfig)
	_ = cmd.Run()
	_ = c.until(ctx, "agents to end", func(ctx context.Context) (bool, error) {
		pods, err := c.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(pods.Items) <= 1 && len(c.agents()) == 0, err
	})
}

// env is the environment in which paths' commands run.
func (c *cluster) env(kubeconfig string) []string {
	dir := "near"
	if kubeconfig != c.kubeconfig {
		dir = "far" // an agent is known by the address of its cluster, too
	}
	return append(os.Environ(), "KUBECONFIG="+kubeconfig, "FWD_NAMESPACE="+namespace,
		"XDG_STATE_HOME="+filepath.Join(c.work, dir))
}

// fwd is the path of a command under test.
func (c *cluster) fwd(name string) string { return filepath.Join(c.bin, name) }

// until polls done, for a minute at most.
func (c *cluster) until(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		if wait(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("wait for %s: %w", what, errors.Join(ctx.Err(), ignoreNotFound(err)))
		}
	}
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// finish runs a command to its end; its error has what it printed.
func finish(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
