package main

import "time"

// cpuTimes are what the parts of a path have used.
type cpuTimes map[string]time.Duration

// cpuParts are the parts that are told apart, in the order of the report.
var cpuParts = []string{"client", "API server", "kubelet and containerd", "agent", wholeMachine}

const wholeMachine = "whole machine" // which the load generator reads

// cpu reads the times of all parts of a path; those that it has not are absent.
func (c *cluster) cpu(p path, client *peer) cpuTimes {
	t := make(cpuTimes)
	if p.plain {
		return t
	}
	add := func(part string, found ...proc) {
		for _, p := range found {
			t[part] += p.cpu
		}
	}
	if client != nil {
		if command, ok := readProc(client.cmd.Process.Pid); ok {
			add("client", command)
		}
	}
	add("API server", c.onNode("kube-apiserver")...)
	add("kubelet and containerd", c.onNode("kubelet", "containerd")...)
	if p.agent {
		add("agent", c.agents()...)
	}
	return t
}

// perGigabyte adds to n what was used between two readings, in seconds per
// billion bytes.
func (n numbers) perGigabyte(before, after cpuTimes, bytes int64) {
	for part, t := range after {
		n["CPU "+part] = (t - before[part]).Seconds() / (float64(bytes) / 1e9)
	}
}
