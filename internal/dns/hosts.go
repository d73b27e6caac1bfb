package dns

import (
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// A hostsFile is hosts(5) by name and by address.
type hostsFile struct {
	byName map[wireName][]netip.Addr // keys are folded
	byAddr map[netip.Addr][]wireName // the canonical name of each line first
}

// parseHosts never fails: a line that is not understood is skipped, and so is an
// address with a zone, which no DNS record can hold.
func parseHosts(text string) *hostsFile {
	h := &hostsFile{byName: map[wireName][]netip.Addr{}, byAddr: map[netip.Addr][]wireName{}}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(fields[0])
		if err != nil || addr.Zone() != "" {
			continue
		}
		for _, alias := range fields[1:] {
			n, err := newName(alias)
			if err != nil {
				continue
			}
			h.byName[n.fold()] = append(h.byName[n.fold()], addr)
			h.byAddr[addr] = append(h.byAddr[addr], n)
		}
	}
	return h
}

// answer answers A, AAAA and PTR questions of class IN from the file, or returns
// nil. A name that is there with an address of the other family only is answered
// with no data, because getaddrinfo, which asks the file for both at once, does
// not go on to DNS then. TTLs are 0: the file may change at any time.
func (h *hostsFile) answer(q *message) *message {
	if q.question.class != dnsmessage.ClassINET {
		return nil
	}
	var data []string
	switch typ := q.question.typ; typ {
	case dnsmessage.TypeA, dnsmessage.TypeAAAA:
		addrs, ok := h.byName[q.question.name.fold()]
		if !ok {
			return nil
		}
		for _, addr := range addrs {
			if addr.Is4() == (typ == dnsmessage.TypeA) {
				data = append(data, string(addr.AsSlice()))
			}
		}
	case dnsmessage.TypePTR:
		addr, ok := reverseAddr(q.question.name)
		names := h.byAddr[addr]
		if !ok || len(names) == 0 {
			return nil
		}
		for _, n := range names {
			data = append(data, string(n))
		}
	default:
		return nil
	}
	r := q.reply(dnsmessage.RCodeSuccess)
	r.flags |= flagAuthoritative
	for _, d := range unique(data) {
		r.answers = append(r.answers, record{q.question.name, q.question.typ, q.question.class, 0, d})
	}
	return r
}

func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
