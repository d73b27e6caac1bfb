package dns

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/dns/dnsmessage"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestParseResolvConf(t *testing.T) {
	names := func(list ...string) (out []dnsmessage.Name) {
		for _, s := range list {
			out = append(out, name(t, s))
		}
		return out
	}
	base := func(change func(c *resolvConf)) *resolvConf {
		c := &resolvConf{servers: addrs("127.0.0.1"), ndots: 1, timeout: 5 * time.Second, attempts: 2}
		change(c)
		return c
	}
	for _, c := range []struct {
		name, text, hostname string
		want                 *resolvConf
	}{
		{"an empty file has the defaults", "", "web-1", base(func(*resolvConf) {})},
		{"the search list defaults to the host's domain", "", "web-1.ns.svc", base(func(c *resolvConf) {
			c.search = names("ns.svc")
		})},
		{"a pod's file", "search ns.svc svc.\nnameserver 10.96.0.10\noptions ndots:5\n", "x.y", base(func(c *resolvConf) {
			c.servers, c.search, c.ndots = addrs("10.96.0.10"), names("ns.svc", "svc"), 5
		})},
		{"the last of domain and search counts", "domain a\nsearch b c\ndomain ns.svc x\n", "", base(func(c *resolvConf) {
			c.search = names("ns.svc")
		})},
		{"comments, odd spacing, no newline at the end", "# nameserver 1.1.1.1\n;x\n\tnameserver\t10.0.0.1  # main\nnameserver fe80::1%eth0", "",
			base(func(c *resolvConf) { c.servers = addrs("10.0.0.1", "fe80::1%eth0") })},
		{"three servers at most, and only addresses", "nameserver a\nnameserver 1.1.1.1\nnameserver ::1\nnameserver 3.3.3.3\nnameserver 4.4.4.4", "",
			base(func(c *resolvConf) { c.servers = addrs("1.1.1.1", "::1", "3.3.3.3") })},
		{"options", "options timeout:3 attempts:4 rotate use-vc no-aaaa no-tld-query edns0 single-request\noptions ndots:0", "",
			base(func(c *resolvConf) {
				c.ndots, c.timeout, c.attempts = 0, 3*time.Second, 4
				c.rotate, c.useTCP, c.noAAAA, c.noTLD = true, true, true, true
			})},
		{"options have bounds", "options ndots:99 timeout:99 attempts:99", "",
			base(func(c *resolvConf) { c.ndots, c.timeout, c.attempts = 15, 30*time.Second, 5 })},
		{"options that are not numbers are skipped", "options ndots: timeout:x attempts\nnameserver\nsearch\nwhat ever", "",
			base(func(*resolvConf) {})},
		{"names that are not names are skipped", "search a..b . ns.svc", "",
			base(func(c *resolvConf) { c.search = names(".", "ns.svc") })},
	} {
		assert.Equal(t, c.want, parseResolvConf(c.text, c.hostname), c.name)
	}
}

func TestCandidates(t *testing.T) {
	long := "a23456789.b23456789.c23456789.d23456789.e23456789.f23456789.g23456789.h23456789.i23456789.j23456789." +
		"k23456789.l23456789.m23456789.n23456789.o23456789.p23456789.q23456789.r23456789.s23456789.t23456789." +
		"u23456789.v23456789.w23456789.x23456789.y23456."
	for _, c := range []struct {
		name, conf, asked string
		want              []string
	}{
		{"fewer dots than ndots: the search list first", "search a.b c\noptions ndots:2", "db.prod",
			[]string{"db.prod.a.b.", "db.prod.c.", "db.prod."}},
		{"as many dots as ndots: as it is first", "search a.b c\noptions ndots:2", "x.db.prod",
			[]string{"x.db.prod.", "x.db.prod.a.b.", "x.db.prod.c."}},
		{"ndots 0: a single label too", "search a\noptions ndots:0", "db", []string{"db.", "db.a."}},
		{"the default is ndots 1", "search a", "x.y", []string{"x.y.", "x.y.a."}},
		{"no search list", "search .", "db", []string{"db."}},
		{"the root as a domain stands for as it is", "search . a", "db", []string{"db.", "db.a."}},
		{"a domain twice is tried once", "search a A", "db", []string{"db.a.", "db."}},
		{"no-tld-query: not a single label as it is", "search a\noptions no-tld-query", "db", []string{"db.a."}},
		{"no-tld-query: names with a dot are", "search a\noptions no-tld-query ndots:5", "x.y", []string{"x.y.a.", "x.y."}},
		{"no-tld-query: nor when there is nothing else", "options no-tld-query", "db", []string{"db."}},
		{"the root", "search a", ".", []string{"."}},
		{"a name that gets too long is not tried", "search " + long + " a", "very-long-name", []string{"very-long-name.a.", "very-long-name."}},
	} {
		asked := name(t, c.asked)
		var got []string
		for _, n := range parseResolvConf(c.conf, "").candidates(asked) {
			got = append(got, n.name.String())
			assert.Equal(t, n.name == asked, n.asIs, "%s: %s", c.name, n.name)
		}
		assert.Equal(t, c.want, got, c.name)
	}
}

func FuzzParseFiles(f *testing.F) {
	f.Add("search a b\nnameserver ::1\noptions ndots:5 timeout:1", "db.prod")
	f.Add("127.0.0.1 localhost a\n::1 localhost # x\n", "localhost")
	f.Fuzz(func(t *testing.T, text, asked string) {
		conf := parseResolvConf(text, asked)
		if n, err := newName(asked); err == nil {
			list := conf.candidates(n)
			if len(list) == 0 {
				t.Fatalf("no candidates for %s", n)
			}
			for _, c := range list {
				newQuery(c.name, 1, false).pack(maxMessage)
			}
			if resp := parseHosts(text).answer(ask(t, asked, 1)); resp != nil {
				resp.pack(maxMessage)
			}
		}
	})
}
