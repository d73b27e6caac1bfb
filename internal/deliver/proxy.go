package deliver

import (
	"io"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// writeProxyHeader says in PROXY protocol version 2 who called what.
func writeProxyHeader(w io.Writer, caller, local netip.AddrPort) error {
	caller = netip.AddrPortFrom(caller.Addr().Unmap().WithZone(""), caller.Port())
	local = netip.AddrPortFrom(local.Addr().Unmap().WithZone(""), local.Port())
	family := proxyproto.TCPv4
	if caller.Addr().Is6() || local.Addr().Is6() {
		family = proxyproto.TCPv6
	}
	h := proxyproto.Header{
		Version:           2,
		Command:           proxyproto.PROXY,
		TransportProtocol: family,
		SourceAddr:        net.TCPAddrFromAddrPort(caller),
		DestinationAddr:   net.TCPAddrFromAddrPort(local),
	}
	_, err := h.WriteTo(w)
	return err
}
