// Package claim keeps who has a port of this network namespace, among the
// agents of all developers that are in it.
//
// A claim is an abstract unix socket, whose name tells port and order: there is
// one of a name in a network namespace, and none once its process is gone. The
// socket answers who has the port, and for whom a connection within the pod was
// opened. A claim does nothing to the port itself, and keeps away only those who
// ask: whatever else runs in the pod can take a name, connect or lie, and must
// never block an agent by it.
package claim
