package launch

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Privileges are what an agent may do beyond dialling and resolving, for which
// it needs nothing.
type Privileges struct {
	Mirror bool // copy what arrives: NET_RAW
	Steal  bool // redirect ports: NET_ADMIN
}

// noPrivileges is what the records of agents have that only dial and resolve.
const noPrivileges = "none"

// String is the form that records keep: "none", "mirror", "steal" or
// "mirror+steal".
func (p Privileges) String() string {
	var words []string
	if p.Mirror {
		words = append(words, "mirror")
	}
	if p.Steal {
		words = append(words, "steal")
	}
	if words == nil {
		return noPrivileges
	}
	return strings.Join(words, "+")
}

// IsZero reports whether there are none.
func (p Privileges) IsZero() bool { return p == Privileges{} }

// Capabilities are the kernel's names for them.
func (p Privileges) Capabilities() []string {
	var names []string
	if p.Steal {
		names = append(names, "NET_ADMIN")
	}
	if p.Mirror {
		names = append(names, "NET_RAW")
	}
	return names
}

// enough lists the privileges that include p, the fewest first.
func (p Privileges) enough() []Privileges {
	var out []Privileges
	for _, o := range []Privileges{{}, {Mirror: true}, {Steal: true}, {Mirror: true, Steal: true}} {
		if (o.Mirror || !p.Mirror) && (o.Steal || !p.Steal) {
			out = append(out, o)
		}
	}
	return out
}

// grant adds capabilities to a container's. They are effective for root only,
// which is then one that can do nothing else.
func grant(sc *corev1.SecurityContext, capabilities []string) {
	if len(capabilities) == 0 {
		return
	}
	for _, name := range capabilities {
		sc.Capabilities.Add = append(sc.Capabilities.Add, corev1.Capability(name))
	}
	sc.RunAsUser, sc.RunAsGroup, sc.RunAsNonRoot = new(int64), new(int64), new(false)
}

// Placement is where an agent's process is.
type Placement string

const (
	// InPod is a container of the target's pod, and without a target a pod of its
	// own.
	InPod Placement = "pod"
	// OnNode is a pod of its own on the target's node, which enters the network
	// of the target's pod: for where that pod may not have a container with the
	// privileges asked for. Whoever may create such a pod is the node's master.
	OnNode Placement = "node"
)
