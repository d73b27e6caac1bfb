// Package enter takes this process into the network of a pod of the same node.
// It finds the pod by the cgroups of its processes, so it needs no socket of a
// container runtime; it must see the node's processes for that (hostPID) and
// have SYS_PTRACE and SYS_ADMIN, which it gives up on the way.
//
// Of the pod it takes the network, and the contents of resolv.conf and hosts,
// and nothing else.
package enter

// Pod is a pod of this node.
type Pod struct {
	UID string
	// Container is the ID of one of its containers, without the runtime's name;
	// empty if that is not known.
	Container string
}
