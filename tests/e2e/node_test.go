//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// node is the container that is the cluster's only node; its pods' processes
// are in its process namespace.
const node = "fwd-control-plane"

// process is a process here or on the node.
type process struct {
	s   *space
	pid int
	via []string // what goes before a command that is to see it
}

// process is the command itself.
func (b *background) process() process { return process{s: b.s, pid: b.cmd.Process.Pid} }

// onNode runs a command on the node.
func (s *space) onNode(command ...string) string {
	s.t.Helper()
	return process{s: s, via: []string{"docker", "exec", node}}.run(command...)
}

// containerProcess is the first process of a container with an ID from a pod's
// status.
func (s *space) containerProcess(id string) process {
	s.t.Helper()
	_, id, _ = strings.Cut(id, "://")
	for line := range strings.Lines(s.onNode("ctr", "-n", "k8s.io", "tasks", "ls")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == id { // TASK PID STATUS
			pid, err := strconv.Atoi(f[1])
			require.NoError(s.t, err)
			return process{s: s, pid: pid, via: []string{"docker", "exec", node}}
		}
	}
	s.t.Fatalf("container %q has no process", id)
	return process{}
}

// agentProcess is the only agent in the namespace.
func (s *space) agentProcess() process {
	s.t.Helper()
	var ids []string
	s.eventually("the one agent that runs", func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		ids = nil
		for _, p := range pods.Items {
			for _, c := range append(p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses...) {
				if strings.HasPrefix(c.Name, "fwd-agent") && c.State.Running != nil {
					ids = append(ids, c.ContainerID)
				}
			}
		}
		if len(ids) != 1 {
			return fmt.Errorf("%d agents run", len(ids))
		}
		return nil
	})
	return s.containerProcess(ids[0])
}

// apiServer is the process of the API server.
func (s *space) apiServer() process {
	s.t.Helper()
	var pod *corev1.Pod
	s.eventually("the API server's pod", func(ctx context.Context) (err error) {
		pod, err = client.CoreV1().Pods("kube-system").Get(ctx, "kube-apiserver-"+node, metav1.GetOptions{})
		if err == nil && (len(pod.Status.ContainerStatuses) == 0 || pod.Status.ContainerStatuses[0].State.Running == nil) {
			err = fmt.Errorf("is not said to run")
		}
		return err
	})
	return s.containerProcess(pod.Status.ContainerStatuses[0].ContainerID)
}

// run runs a command where the process is and returns its output.
func (p process) run(command ...string) string {
	p.s.t.Helper()
	args := append(append([]string{}, p.via...), command...)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	require.NoError(p.s.t, err, "%v\n%s", args, out)
	return string(out)
}

// signal sends the process a signal, such as KILL.
func (p process) signal(name string) {
	p.s.t.Helper()
	p.run("kill", "-s", name, strconv.Itoa(p.pid))
}

// descriptors is how many files the process has open.
func (p process) descriptors() int {
	p.s.t.Helper()
	return len(strings.Fields(p.run("ls", p.proc("fd"))))
}

// sockets is how many connections a server has: its sockets but the one that
// listens.
func (p process) sockets() int {
	p.s.t.Helper()
	return strings.Count(p.run("ls", "-l", p.proc("fd")), "socket:") - 1
}

// connections is how many TCP connections there are in the network namespace
// of the process.
func (p process) connections() int {
	p.s.t.Helper()
	n := 0
	for _, file := range []string{"net/tcp", "net/tcp6"} {
		for line := range strings.Lines(p.run("cat", p.proc(file))) {
			const established = "01"
			if f := strings.Fields(line); len(f) > 3 && f[3] == established {
				n++
			}
		}
	}
	return n
}

// resident is how much memory the process holds, and held at most, in MiB.
func (p process) resident() (now, peak float64) {
	p.s.t.Helper()
	for line := range strings.Lines(p.run("cat", p.proc("status"))) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		kib, err := strconv.ParseFloat(f[1], 64)
		require.NoError(p.s.t, err)
		switch f[0] {
		case "VmRSS:":
			now = kib / 1024
		case "VmHWM:":
			peak = kib / 1024
		}
	}
	return now, peak
}

func (p process) proc(file string) string { return fmt.Sprintf("/proc/%d/%s", p.pid, file) }
