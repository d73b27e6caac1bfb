package dns

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/dns/dnsmessage"
)

const hostsText = `# Kubernetes-managed hosts file.
127.0.0.1	localhost
::1	localhost ip6-localhost
10.1.2.3	web-1.web.prod.svc  web-1	# the pod
10.1.2.4	Alias.Example alias.example.
10.1.2.5	alias.example
fe80::1%eth0	zoned
nonsense	nonsense
10.1.2.6
`

func TestHostsAnswer(t *testing.T) {
	h := parseHosts(hostsText)
	for _, c := range []struct {
		name, asked string
		typ         dnsmessage.Type
		want        []string // nil: not in the file
	}{
		{"an IPv4 address", "localhost", dnsmessage.TypeA, []string{"127.0.0.1"}},
		{"an IPv6 address", "LocalHost.", dnsmessage.TypeAAAA, []string{"::1"}},
		{"an alias", "web-1", dnsmessage.TypeA, []string{"10.1.2.3"}},
		{"all lines with the name, each address once", "alias.example", dnsmessage.TypeA, []string{"10.1.2.4", "10.1.2.5"}},
		{"only the other family: no data", "web-1", dnsmessage.TypeAAAA, []string{}},
		{"another type goes to DNS", "web-1", dnsmessage.TypeMX, nil},
		{"a name that is not there", "web-2", dnsmessage.TypeA, nil},
		{"a name with part of a line", "web-1.web", dnsmessage.TypeA, nil},
		{"an address with a zone", "zoned", dnsmessage.TypeAAAA, nil},
		{"an address, canonical name first", "3.2.1.10.in-addr.arpa", dnsmessage.TypePTR, []string{"web-1.web.prod.svc.", "web-1."}},
		{"an IPv6 address backward", reverseName(netip.IPv6Loopback()), dnsmessage.TypePTR, []string{"localhost.", "ip6-localhost."}},
		{"an address that is not there", "9.2.1.10.in-addr.arpa", dnsmessage.TypePTR, nil},
		{"PTR of no address", "db", dnsmessage.TypePTR, nil},
	} {
		resp := h.answer(ask(t, c.asked, c.typ))
		if c.want == nil {
			assert.Nil(t, resp, c.name)
			continue
		}
		if !assert.NotNil(t, resp, c.name) {
			continue
		}
		got := []string{}
		for _, r := range resp.Answers {
			got = append(got, newRecord(r).Data)
			assert.Equal(t, name(t, c.asked), r.Header.Name)
		}
		assert.Equal(t, c.want, got, c.name)
		assert.EqualValues(t, 0, resp.rcode())
	}
	chaos := ask(t, "localhost", dnsmessage.TypeA)
	chaos.Questions[0].Class = dnsmessage.ClassCHAOS
	assert.Nil(t, h.answer(chaos))
}

func TestReverseNames(t *testing.T) {
	for addr, reversed := range map[string]string{
		"10.1.2.3":    "3.2.1.10.in-addr.arpa.",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		assert.Equal(t, reversed, reverseName(netip.MustParseAddr(addr)))
		got, ok := reverseAddr(name(t, reversed))
		assert.True(t, ok)
		assert.Equal(t, addr, got.String())
	}
	for _, other := range []string{"arpa", "in-addr.arpa", "1.10.in-addr.arpa", "x.2.1.10.in-addr.arpa",
		"256.2.1.10.in-addr.arpa", "3.2.1.10.ip6.arpa", "3.2.1.10.in-addr.com", "."} {
		_, ok := reverseAddr(name(t, other))
		assert.False(t, ok, other)
	}
}
