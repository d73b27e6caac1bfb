package httpsplit

import (
	"fmt"
	"net/netip"
)

// withForwarded adds to a request's head for whom it comes, after all that it
// says: Forwarded (RFC 7239 4) and what was there before it.
func withForwarded(head []byte, f *Forwarded) []byte {
	end := len(head) - len("\r\n")
	out := make([]byte, 0, len(head)+256)
	out = append(out, head[:end]...)
	out = fmt.Appendf(out, "Forwarded: for=%s;proto=http\r\nX-Forwarded-For: %v\r\nX-Forwarded-Proto: http\r\n",
		node(f.Caller), f.Caller.Addr())
	return append(out, head[end:]...)
}

// node is an address as RFC 7239 6 has it: those of IPv6 quoted.
func node(addr netip.AddrPort) string {
	if addr.Addr().Is4() {
		return addr.Addr().String()
	}
	return fmt.Sprintf(`"[%v]"`, addr.Addr())
}
