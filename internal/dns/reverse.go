package dns

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// reverseName is the name under which the PTR records of addr stand: below
// in-addr.arpa (RFC 1035 section 3.5) or ip6.arpa (RFC 3596 section 2.5).
func reverseName(addr netip.Addr) string {
	var sb strings.Builder
	b := addr.AsSlice()
	slices.Reverse(b)
	if addr.Is4() {
		for _, octet := range b {
			sb.WriteString(strconv.Itoa(int(octet)) + ".")
		}
		return sb.String() + "in-addr.arpa."
	}
	const digits = "0123456789abcdef"
	for _, octet := range b {
		sb.Write([]byte{digits[octet&0xf], '.', digits[octet>>4], '.'})
	}
	return sb.String() + "ip6.arpa."
}

// reverseAddr is the inverse of reverseName; ok is false for every other name.
func reverseAddr(n dnsmessage.Name) (addr netip.Addr, ok bool) {
	labels := strings.Split(strings.TrimSuffix(fold(n), "."), ".")
	slices.Reverse(labels)
	if len(labels) < 2 || labels[0] != "arpa" {
		return netip.Addr{}, false
	}
	kind, labels := labels[1], labels[2:]
	switch {
	case kind == "in-addr" && len(labels) == 4:
		addr, err := netip.ParseAddr(strings.Join(labels, "."))
		return addr, err == nil && addr.Is4()
	case kind == "ip6" && len(labels) == 32:
		b, err := hex.DecodeString(strings.Join(labels, ""))
		if err != nil || len(b) != 16 {
			return netip.Addr{}, false
		}
		return netip.AddrFrom16([16]byte(b)), true
	}
	return netip.Addr{}, false
}
