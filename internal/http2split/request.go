package http2split

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"golang.org/x/net/http2/hpack"
)

// decide fills in whether f is a request that matches. It is called without
// mu, by the goroutine that reads from the caller: patterns take their time.
func (s *split) decide(f *frame) {
	if f.typ == typeHeaders && f.id > s.last && !s.drained() {
		f.matches = s.all || s.cfg.Filter.Match(request(f.fields))
	}
}

// request is what a filter sees: as an HTTP/1 request would be, with a Host
// field and one Cookie field (RFC 9113 8.2.3, 8.3.1).
func request(fields []hpack.HeaderField) *httpfilter.Request {
	r := &httpfilter.Request{Fields: make([]httpfilter.Field, 0, len(fields))}
	var cookies []string
	authority, host := "", false
	for _, f := range fields {
		switch f.Name {
		case ":method":
			r.Method = f.Value
		case ":path":
			r.Path = f.Value
		case ":authority":
			authority = f.Value
		case "cookie":
			cookies = append(cookies, f.Value)
		default:
			if strings.HasPrefix(f.Name, ":") {
				continue
			}
			host = host || f.Name == "host"
			r.Fields = append(r.Fields, httpfilter.Field{Name: f.Name, Value: f.Value})
		}
	}
	if authority != "" && !host {
		r.Fields = append(r.Fields, httpfilter.Field{Name: "host", Value: authority})
	}
	if cookies != nil {
		r.Fields = append(r.Fields, httpfilter.Field{Name: "cookie", Value: strings.Join(cookies, "; ")})
	}
	return r
}

// add is fields with for whom they come, after all that they say: Forwarded
// (RFC 7239 4) and what was there before it.
func (fw *Forwarded) add(fields []hpack.HeaderField) []hpack.HeaderField {
	return append(slices.Clone(fields),
		hpack.HeaderField{Name: "forwarded", Value: "for=" + node(fw.Caller) + ";proto=http"},
		hpack.HeaderField{Name: "x-forwarded-for", Value: fw.Caller.Addr().String()},
		hpack.HeaderField{Name: "x-forwarded-proto", Value: "http"})
}

// node is an address as RFC 7239 6 has it: those of IPv6 quoted.
func node(addr netip.AddrPort) string {
	if addr.Addr().Is4() {
		return addr.Addr().String()
	}
	return `"[` + addr.Addr().String() + `]"`
}
