package fwd

import "github.com/fwdtools/fwd/internal/kube"

// Probe is a question that the pod's node asks one of its containers. Whoever
// steals the port answers it.
type Probe = kube.Probe

// Probes lists the probes of the pod that use a port of it. There are none
// before Connect.
func (c *Client) Probes(port uint16) []Probe {
	c.mu.Lock()
	pod := c.agent.Object
	c.mu.Unlock()
	if pod == nil {
		return nil
	}
	return kube.Probes(pod, port)
}
