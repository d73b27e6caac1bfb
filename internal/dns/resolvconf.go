package dns

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A resolvConf is what resolv.conf(5) says, with glibc's defaults and bounds.
// The environment variables LOCALDOMAIN and RES_OPTIONS are the application's
// and are not looked at. Left out on purpose, because they do not change
// answers: edns0 (always used), single-request, single-request-reopen,
// no-reload (the file is always followed), trust-ad (the query's own AD bit says
// it), inet6 and sortlist.
type resolvConf struct {
	servers  []netip.Addr // at most 3; 127.0.0.1 when there is none
	search   []dnsmessage.Name
	ndots    int           // 0 to 15, default 1
	timeout  time.Duration // for one server and transport, 1 s to 30 s, default 5 s
	attempts int           // rounds over the servers, 1 to 5, default 2
	rotate   bool          // begin each query at another server
	useTCP   bool          // use-vc
	noAAAA   bool          // answer AAAA with no data
	noTLD    bool          // no-tld-query: never ask for a single label as it is
}

// maxServers is glibc's MAXNS.
const maxServers = 3

// parseResolvConf never fails: as in the C libraries, what is not understood is
// skipped. Without a search or domain line the search list is the domain of
// hostname, if it has one.
func parseResolvConf(text, hostname string) *resolvConf {
	conf := &resolvConf{ndots: 1, timeout: 5 * time.Second, attempts: 2}
	if _, domain, ok := strings.Cut(hostname, "."); ok {
		conf.search = searchList([]string{domain})
	}
	for line := range strings.Lines(text) {
		if line[0] == ';' || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch args := fields[1:]; fields[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(args[0]); err == nil && len(conf.servers) < maxServers {
				conf.servers = append(conf.servers, addr)
			}
		case "domain":
			conf.search = searchList(args[:1])
		case "search":
			conf.search = searchList(args)
		case "options":
			for _, opt := range args {
				conf.option(opt)
			}
		}
	}
	if len(conf.servers) == 0 {
		conf.servers = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return conf
}

func (conf *resolvConf) option(opt string) {
	key, value, _ := strings.Cut(opt, ":")
	number := func(low, high int) (int, bool) {
		n, err := strconv.Atoi(value)
		return min(max(n, low), high), err == nil
	}
	switch key {
	case "ndots":
		if n, ok := number(0, 15); ok {
			conf.ndots = n
		}
	case "timeout":
		if n, ok := number(1, 30); ok {
			conf.timeout = time.Duration(n) * time.Second
		}
	case "attempts":
		if n, ok := number(1, 5); ok {
			conf.attempts = n
		}
	case "rotate":
		conf.rotate = true
	case "use-vc", "usevc", "tcp":
		conf.useTCP = true
	case "no-aaaa":
		conf.noAAAA = true
	case "no-tld-query":
		conf.noTLD = true
	}
}

// searchList drops what is not a name.
func searchList(domains []string) []dnsmessage.Name {
	var list []dnsmessage.Name
	for _, domain := range domains {
		if n, err := newName(domain); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// A candidate is one name to ask for.
type candidate struct {
	name dnsmessage.Name
	asIs bool // the name as it was asked for
}

// candidates gives the names to ask for, in order and each once, as glibc does:
// a name with at least ndots dots is tried as it is and then below every search
// domain; with fewer dots, below every search domain and then as it is. (musl
// differs in the first case: there such a name is never searched for.) Names that
// would be too long are left out.
func (conf *resolvConf) candidates(asked dnsmessage.Name) []candidate {
	asIs := candidate{asked, true}
	if asked == rootName {
		return []candidate{asIs}
	}
	var list []candidate
	seen := map[string]bool{}
	add := func(c candidate) {
		if key := fold(c.name); !seen[key] {
			seen[key] = true
			list = append(list, c)
		}
	}
	dots := strings.Count(asked.String(), ".") - 1 // between labels
	if dots >= conf.ndots {
		add(asIs)
	}
	for _, domain := range conf.search {
		if n, ok := join(asked, domain); ok {
			add(candidate{n, n == asked})
		}
	}
	if dots > 0 || !conf.noTLD || len(list) == 0 {
		add(asIs)
	}
	return list
}
