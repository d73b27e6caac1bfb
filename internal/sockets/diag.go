//go:build linux

package sockets

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// id is a struct inet_diag_sockid as the kernel gave it (sock_diag(7)): ports
// and addresses in network byte order, the interface, and a cookie that no other
// socket ever has.
type id [48]byte

// of is the id that asks for all sockets with this local port.
func of(port uint16) id {
	var i id
	binary.BigEndian.PutUint16(i[:], port)
	for b := 40; b < 48; b++ {
		i[b] = 0xff // any cookie
	}
	return i
}

// port is the local port.
func (i id) port() uint16 { return binary.BigEndian.Uint16(i[:]) }

// request is a struct inet_diag_req_v2: family, protocol, extensions, padding,
// the states as bits, and the id.
func request(kind uint16, flags netlink.HeaderFlags, family uint8, states uint32, id id) netlink.Message {
	data := []byte{family, unix.IPPROTO_TCP, 0, 0}
	data = binary.NativeEndian.AppendUint32(data, states)
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | flags},
		Data:   append(data, id[:]...),
	}
}

// parseID takes the id out of a struct inet_diag_msg: family, state, timer,
// retransmissions, the id, and more.
func parseID(data []byte) (id, error) {
	const begins = 4
	var i id
	if len(data) < begins+len(i) {
		return i, fmt.Errorf("a socket is described by %d bytes only", len(data))
	}
	copy(i[:], data[begins:])
	return i, nil
}
