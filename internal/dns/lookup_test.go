package dns

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

const lookupZone = podZone + `
dual.local. AAAA fd00::1
dual.local. A 10.0.0.1
dual.local. A 10.0.0.2
alias.local. CNAME dual.local.
dangling.local. CNAME gone.local.
_http._tcp.py-serv.ns.svc.local. SRV 10 20 8080 py-serv.ns.svc.local.
example.com. MX 10 mail.example.com.
example.com. NS ns1.example.com.
txt.local. TXT v=spf1 -all
1.2.0.192.in-addr.arpa. PTR real.example.com.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. PTR dual.local.
`

// overStream gives what the laptop has: a Client on a stream to a Resolver.
func overStream(t *testing.T, r *Resolver) ExchangeFunc {
	conn, _ := serve(t, t.Context(), func(ctx context.Context, query []byte) ([]byte, error) {
		return r.Exchange(ctx, query, true)
	})
	c := NewClient(conn)
	t.Cleanup(func() { c.Close() })
	return c.Exchange
}

func TestLookup(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, lookupZone)
	exchange := overStream(t, newResolver(t, hostsText, podConf, map[string]*authority{"10.96.0.10": a}))
	for _, c := range []struct {
		name, asked, typ string
		want             []string
		err              error
	}{
		{"a short name", "py-serv", "A", []string{"10.100.0.1"}, nil},
		{"name and namespace", "db.prod", "AAAA", []string{"fd00::2"}, nil},
		{"a final dot: no search", "py-serv.", "A", nil, ErrNotExist},
		{"a final dot", "py-serv.ns.svc.local.", "A", []string{"10.100.0.1"}, nil},
		{"no such name", "nope", "A", nil, ErrNotExist},
		{"no such name, final dot", "nope.", "A", nil, ErrNotExist},
		{"no data", "py-serv", "AAAA", nil, ErrNoData},
		{"through an alias", "alias.local", "A", []string{"10.0.0.1", "10.0.0.2"}, nil},
		{"an alias to nowhere", "dangling.local.", "A", nil, ErrNotExist},
		{"CNAME", "www", "CNAME", []string{"real.example.com."}, nil},
		{"no CNAME", "py-serv", "CNAME", nil, ErrNoData},
		{"SRV", "_http._tcp.py-serv", "SRV", []string{"10 20 8080 py-serv.ns.svc.local."}, nil},
		{"MX", "example.com", "MX", []string{"10 mail.example.com."}, nil},
		{"NS", "example.com", "NS", []string{"ns1.example.com."}, nil},
		{"TXT, strings joined", "txt.local", "TXT", []string{"v=spf1-all"}, nil},
		{"TXT of 5 KB", "big", "TXT", []string{strings.Repeat("x", 5000)}, nil},
		{"PTR of an address", "192.0.2.1", "PTR", []string{"real.example.com."}, nil},
		{"PTR of an IPv6 address", "fd00::1", "PTR", []string{"dual.local."}, nil},
		{"PTR of a name", "1.2.0.192.in-addr.arpa", "PTR", []string{"real.example.com."}, nil},
		{"PTR from the hosts file", "10.1.2.3", "PTR", []string{"web-1.web.prod.svc.", "web-1."}, nil},
		{"the hosts file", "web-1", "A", []string{"10.1.2.3"}, nil},
		{"an address is its own", "10.9.9.9", "A", []string{"10.9.9.9"}, nil},
		{"an address of the other family", "10.9.9.9", "AAAA", nil, ErrNoData},
		{"no name", "", "A", nil, ErrBadName},
		{"a label too long", strings.Repeat("a", 64), "A", nil, ErrBadName},
		{"server failure", "fail.local.", "A", nil, ErrServer},
		{"server refusal", "no.local.", "A", nil, ErrServer},
		{"timeout", "slow.local.", "A", nil, ErrTimeout},
	} {
		typ, err := ParseType(strings.ToLower(c.typ))
		require.NoError(t, err)
		answer, err := Lookup(t.Context(), exchange, c.asked, typ)
		if c.err != nil {
			assert.ErrorIs(t, err, c.err, c.name)
			var le *LookupError
			assert.ErrorAs(t, err, &le, c.name)
			continue
		}
		if assert.NoError(t, err, c.name) {
			var got []string
			for _, r := range answer.Records {
				got = append(got, r.String())
				assert.Equal(t, c.typ, r.Type, c.name)
			}
			assert.Equal(t, c.want, got, c.name)
			assert.Equal(t, c.asked, answer.Name, c.name)
		}
	}
}

func TestLookupErrorsReadAsSentences(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, lookupZone)
	servers := map[string]*authority{"10.96.0.10": a}
	exchange := overStream(t, newResolver(t, "", podConf, servers))
	closed := overStream(t, newResolver(t, "", "nameserver 10.0.0.9", servers))
	for _, c := range []struct {
		exchange ExchangeFunc
		asked    string
		want     string
	}{
		{exchange, "nope", "resolve nope: no such name"},
		{exchange, "slow.local.", "resolve slow.local.: timeout asking 10.96.0.10"},
		{exchange, "fail.local.", "resolve fail.local.: SERVFAIL from 10.96.0.10"},
		{exchange, "a..b", `resolve a..b: not a domain name: "a..b": empty label`},
		{closed, "db", "resolve db: asking 10.0.0.9: connection refused"},
	} {
		_, err := Lookup(t.Context(), c.exchange, c.asked, dnsmessage.TypeA)
		assert.EqualError(t, err, c.want)
	}
}

func TestLookupHost(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, lookupZone+"halfslow.local. A 10.0.0.7")
	exchange := overStream(t, newResolver(t, hostsText, podConf, map[string]*authority{"10.96.0.10": a}))
	for _, c := range []struct {
		name, asked, network string
		want                 []string
		err                  error
	}{
		{"both, A first", "dual.local", "ip", []string{"10.0.0.1", "10.0.0.2", "fd00::1"}, nil},
		{"IPv4 only", "dual.local", "ip4", []string{"10.0.0.1", "10.0.0.2"}, nil},
		{"IPv6 only", "dual.local", "ip6", []string{"fd00::1"}, nil},
		{"one family is enough", "py-serv", "ip", []string{"10.100.0.1"}, nil},
		{"the hosts file, both", "localhost", "ip", []string{"127.0.0.1", "::1"}, nil},
		{"an address", "10.9.9.9", "ip", []string{"10.9.9.9"}, nil},
		{"an IPv6 address", "fd00::9", "ip", []string{"fd00::9"}, nil},
		{"no such name", "nope", "ip", nil, ErrNotExist},
		{"neither", "txt.local", "ip", nil, ErrNoData},
		{"failure", "fail.local.", "ip", nil, ErrServer},
	} {
		answer, err := LookupHost(t.Context(), exchange, c.asked, c.network)
		if c.err != nil {
			assert.ErrorIs(t, err, c.err, c.name)
			continue
		}
		if assert.NoError(t, err, c.name) {
			var got []string
			for _, r := range answer.Records {
				got = append(got, r.String())
			}
			assert.Equal(t, c.want, got, c.name)
		}
	}
	_, err := LookupHost(t.Context(), exchange, "db", "udp")
	assert.Error(t, err)
}

func TestLookupHostTakesOneFamilyWhenTheOtherFails(t *testing.T) {
	exchange := func(_ context.Context, query []byte) ([]byte, error) {
		q, err := parseMessage(query)
		if err != nil || q.Questions[0].Type == dnsmessage.TypeA {
			return nil, errors.New("it broke")
		}
		r := q.reply(0)
		r.Answers = []dnsmessage.Resource{record(q.Questions[0].Name, dnsmessage.TypeAAAA, 3, &dnsmessage.AAAAResource{AAAA: netip.IPv6Loopback().As16()})}
		return r.pack(maxMessage), nil
	}
	answer, err := LookupHost(t.Context(), exchange, "db", "ip")
	require.NoError(t, err)
	assert.Equal(t, []Record{{Name: "db.", Type: "AAAA", TTL: 3, Data: "::1"}}, answer.Records)
	_, err = LookupHost(t.Context(), exchange, "db", "ip4")
	assert.EqualError(t, err, "resolve db: it broke")
}

func TestLookupRefusesAnswersToOtherQuestions(t *testing.T) {
	for what, change := range map[string]func(m *message){
		"another ID":   func(m *message) { m.ID++ },
		"another name": func(m *message) { m.Questions[0].Name = name(t, "x") },
		"another type": func(m *message) { m.Questions[0].Type++ },
		"a query":      func(m *message) { m.Response = false },
		"bad RDATA": func(m *message) {
			body := &dnsmessage.UnknownResource{Type: dnsmessage.TypeA, Data: []byte("12345")}
			m.Answers = []dnsmessage.Resource{record(name(t, "db"), dnsmessage.TypeA, 1, body)}
		},
	} {
		_, err := Lookup(t.Context(), func(_ context.Context, query []byte) ([]byte, error) {
			q, err := parseMessage(query)
			if err != nil {
				return nil, err
			}
			r := q.reply(0)
			change(r)
			return r.pack(maxMessage), nil
		}, "db", dnsmessage.TypeA)
		assert.ErrorIs(t, err, errMalformed, what)
	}
	loop, a, b := &message{}, name(t, "a"), name(t, "b")
	loop.Answers = []dnsmessage.Resource{
		record(a, dnsmessage.TypeCNAME, 1, &dnsmessage.CNAMEResource{CNAME: b}),
		record(b, dnsmessage.TypeCNAME, 1, &dnsmessage.CNAMEResource{CNAME: a}),
	}
	_, err := loop.find(a, dnsmessage.TypeA)
	assert.ErrorIs(t, err, ErrNoData, "a CNAME loop ends")
}

func TestAFinalDotMakesANameAbsolute(t *testing.T) {
	for asked, want := range map[string]bool{"a": false, "a.": true, `a\\`: false, `a\\.`: true, ".": true} {
		Lookup(t.Context(), func(_ context.Context, query []byte) ([]byte, error) {
			q, err := parseMessage(query)
			require.NoError(t, err)
			_, absolute := q.option(optionAbsolute)
			assert.Equal(t, want, absolute, asked)
			return nil, errors.New("no answer")
		}, asked, dnsmessage.TypeA)
	}
}

func TestRecordPrints(t *testing.T) {
	label := func(s string) dnsmessage.Name { return dnsmessage.MustNewName(s) }
	txt := func(s ...string) dnsmessage.ResourceBody { return &dnsmessage.TXTResource{TXT: s} }
	https := &dnsmessage.HTTPSResource{SVCBResource: dnsmessage.SVCBResource{Priority: 1, Target: label("x.")}}
	for want, body := range map[string]dnsmessage.ResourceBody{
		`a "b\c`:              txt(`a "`, `b\c`),
		`a\010b\027\255c`:     txt("a\nb\x1b\xffc"),
		`ü\194\155x`:          txt("\xc3\xbc\xc2\x9bx"),
		"":                    txt(""),
		`a\032b\\c.`:          &dnsmessage.PTRResource{PTR: label(`a b\c.`)},
		".":                   &dnsmessage.NSResource{NS: rootName},
		`\# 7 00056973737565`: &dnsmessage.UnknownResource{Type: 257, Data: []byte("\x00\x05issue")},
		`\# 0`:                &dnsmessage.UnknownResource{Type: 257},
		`\# 5 0001017800`:     https,
		"a. b. 1 2 3 4 5":     &dnsmessage.SOAResource{NS: label("a."), MBox: label("b."), Serial: 1, Refresh: 2, Retry: 3, Expire: 4, MinTTL: 5},
	} {
		assert.Equal(t, want, newRecord(record(label("x."), 0, 9, body)).String())
	}
	r := newRecord(record(label("x."), dnsmessage.TypeTXT, 9, txt("a\nb")))
	b, err := json.Marshal(r)
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"x.","type":"TXT","ttl":9,"data":"a\nb"}`, string(b))
	_, err = ParseType("AXFR")
	assert.ErrorContains(t, err, `record type "AXFR"`)
}

func TestLookupManyAtOnceBesideASlowName(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, lookupZone)
	conf := strings.Replace(podConf, "timeout:1", "timeout:3", 1)
	exchange := overStream(t, newResolver(t, "", conf, map[string]*authority{"10.96.0.10": a}))
	var slow, fast sync.WaitGroup
	slowDone := make(chan struct{})
	slow.Go(func() {
		_, err := Lookup(t.Context(), exchange, "slow.local.", dnsmessage.TypeA)
		assert.ErrorIs(t, err, ErrTimeout)
		close(slowDone)
	})
	for range 100 {
		fast.Go(func() {
			_, err := LookupHost(t.Context(), exchange, "db.prod", "ip")
			assert.NoError(t, err)
		})
	}
	fast.Wait()
	select {
	case <-slowDone:
		t.Error("the slow name was done before the fast ones")
	default:
	}
	slow.Wait()
}
