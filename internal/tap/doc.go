// Package tap copies what callers send to one TCP port of this network
// namespace, without touching the traffic: an AF_PACKET socket gets the
// packets, a filter in the kernel leaves only those of the port, and
// gopacket's reassembly puts their bytes in order.
//
// A copy never has a hole: where bytes are missing it ends with ErrLost. What
// the pod answers is not copied. Packets that never pass a network device are
// not seen (sockets that a BPF sockmap joins), and the subflows of Multipath
// TCP are copied as the connections that they are on the wire.
package tap
