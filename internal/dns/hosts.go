package dns

import (
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// A hostsFile is hosts(5) by name and by address.
type hostsFile struct {
	byName map[string][]netip.Addr // keys are folded
	byAddr map[netip.Addr][]string // the canonical name of each line first
}

// parseHosts never fails: a line that is not understood is skipped, and so is an
// address with a zone, which no DNS record can hold.
func parseHosts(text string) *hostsFile {
	h := &hostsFile{byName: map[string][]netip.Addr{}, byAddr: map[netip.Addr][]string{}}
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
			h.byName[fold(n)] = append(h.byName[fold(n)], addr)
			h.byAddr[addr] = append(h.byAddr[addr], n.String())
		}
	}
	return h
}

// answer answers A, AAAA and PTR questions of class IN from the file, or returns
// nil. A name that is there with an address of the other family only is answered
// with no data, because getaddrinfo, which asks the file for both at once, does
// not go on to DNS then. TTLs are 0: the file may change at any time.
func (h *hostsFile) answer(q *message) *message {
	asked := q.Questions[0]
	if asked.Class != dnsmessage.ClassINET {
		return nil
	}
	r := q.reply(dnsmessage.RCodeSuccess)
	r.Authoritative = true
	add := func(body dnsmessage.ResourceBody) {
		h := dnsmessage.ResourceHeader{Name: asked.Name, Class: asked.Class}
		r.Answers = append(r.Answers, dnsmessage.Resource{Header: h, Body: body})
	}
	switch asked.Type {
	case dnsmessage.TypeA, dnsmessage.TypeAAAA:
		addrs, ok := h.byName[fold(asked.Name)]
		if !ok {
			return nil
		}
		for _, addr := range unique(addrs) {
			switch {
			case addr.Is4() && asked.Type == dnsmessage.TypeA:
				add(&dnsmessage.AResource{A: addr.As4()})
			case addr.Is6() && asked.Type == dnsmessage.TypeAAAA:
				add(&dnsmessage.AAAAResource{AAAA: addr.As16()})
			}
		}
	case dnsmessage.TypePTR:
		addr, ok := reverseAddr(asked.Name)
		names := h.byAddr[addr]
		if !ok || len(names) == 0 {
			return nil
		}
		for _, n := range unique(names) {
			add(&dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(n)})
		}
	default:
		return nil
	}
	return r
}

func unique[T comparable](list []T) []T {
	var out []T
	seen := map[T]bool{}
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
