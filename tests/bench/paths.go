package main

import (
	"strconv"
	"strings"
)

// A path is a way from a program on this machine to the server in the pod.
type path struct {
	name, title string
	// command is what forwards a local port and prints that it does. nil: none
	// does, and the load generator runs on the node.
	command func(c *cluster) []string
	env     []string // for it, NAME=VALUE
	streams int      // how many idle ones it is asked to hold at most
	plain   bool     // no API server is in its way
	agent   bool     // it goes through an agent
	extra   bool     // it is taken only when asked for by name
}

const (
	direct  = "direct"
	kubectl = "kubectl" // begins the names of both its paths
	raw     = "raw"
	relays  = "relays"
	viaPF   = "fwd-portforward"
	viaProx = "fwd-proxy"
)

// paths are in the order of the report's columns.
var paths = []path{
	{name: direct, title: "TCP on the node", plain: true},
	{name: kubectl + "-ws", title: "kubectl, WebSocket", command: kubectlForward, streams: 1000,
		env: []string{"KUBECTL_PORT_FORWARD_WEBSOCKETS=true"}},
	{name: kubectl + "-spdy", title: "kubectl, SPDY", command: kubectlForward, streams: 1000,
		env: []string{"KUBECTL_PORT_FORWARD_WEBSOCKETS=false"}},
	{name: raw, title: "raw pods/proxy", streams: 1000, command: func(c *cluster) []string {
		return []string{c.self, "forward", "-namespace", namespace, "-pod", podName}
	}},
	{name: relays, title: "three plain relays", plain: true, command: func(c *cluster) []string {
		return []string{c.self, "relays", "-to", c.nodePort}
	}},
	{name: viaPF, title: "fwd-dial --via portforward", command: fwdDial("--via", "portforward"), streams: 10000, agent: true},
	{name: viaProx, title: "fwd-dial --via proxy", command: fwdDial("--via", "proxy"), streams: 10000, agent: true},
	{name: "fwd-auto", title: "fwd-dial", command: fwdDial(), streams: 10000, agent: true, extra: true},
	{name: "fwd-proxy-4", title: "fwd-dial --via proxy --parallel 4",
		command: fwdDial("--via", "proxy", "--parallel", "4"), streams: 10000, agent: true, extra: true},
}

func kubectlForward(c *cluster) []string {
	return []string{c.kubectl, "port-forward", "-n", namespace, "pod/" + podName, ":" + strconv.Itoa(serverPort)}
}

// fwdDial is a fwd-dial with a local port, and with flags.
func fwdDial(flags ...string) func(*cluster) []string {
	return func(c *cluster) []string {
		local := []string{c.fwd("fwd-dial"), "-t", "pod/" + podName, "-L", "0:localhost:" + strconv.Itoa(serverPort)}
		return append(local, flags...)
	}
}

func (p path) isKubectl() bool { return strings.HasPrefix(p.name, kubectl) }
