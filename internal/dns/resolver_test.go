package dns

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

const podConf = "nameserver 10.96.0.10\nsearch ns.svc.local svc.local local\noptions ndots:5 timeout:1 attempts:1\n"

const podZone = `
py-serv.ns.svc.local. A 10.100.0.1
db.prod.svc.local. A 10.100.0.2
db.prod.svc.local. AAAA fd00::2
www.ns.svc.local. CNAME real.example.com.
real.example.com. A 192.0.2.1
real.example.com. TXT hello
big.local. TXT big:5000
odd.local. TYPE65280 raw
fail.local. SERVFAIL
no.local. REFUSED
slow.local. DROP
`

func TestResolverExchange(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, podZone)
	r := newResolver(t, hostsText, podConf, map[string]*authority{"10.96.0.10": a})
	const A, AAAA, TXT, CNAME = dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeTXT, dnsmessage.TypeCNAME
	big := strings.Repeat("x", 5000)
	for _, c := range []struct {
		name, asked string
		typ         dnsmessage.Type
		search      bool
		rcode       dnsmessage.RCode
		want        []string
	}{
		{"a short name", "py-serv.", A, true, 0, []string{"py-serv. CNAME py-serv.ns.svc.local.", "py-serv.ns.svc.local. A 10.100.0.1"}},
		{"name and namespace", "DB.prod.", AAAA, true, 0, []string{"DB.prod. CNAME DB.prod.svc.local.", "DB.prod.svc.local. AAAA fd00::2"}},
		{"the full name", "db.prod.svc.local.", A, true, 0, []string{"db.prod.svc.local. A 10.100.0.2"}},
		{"a short name without search", "py-serv.", A, false, 3, nil},
		{"the full name without search", "py-serv.ns.svc.local.", A, false, 0, []string{"py-serv.ns.svc.local. A 10.100.0.1"}},
		{"no data", "py-serv.", AAAA, true, 0, []string{"py-serv. CNAME py-serv.ns.svc.local."}},
		{"no data without search", "py-serv.ns.svc.local.", AAAA, false, 0, nil},
		{"no such name", "nope.", A, true, 3, nil},
		{"the hosts file first", "web-1.", A, true, 0, []string{"web-1. A 10.1.2.3"}},
		{"PTR from the hosts file", "3.2.1.10.in-addr.arpa.", dnsmessage.TypePTR, true, 0,
			[]string{"3.2.1.10.in-addr.arpa. PTR web-1.web.prod.svc.", "3.2.1.10.in-addr.arpa. PTR web-1."}},
		{"an alias behind the search", "www.", A, true, 0, []string{
			"www. CNAME www.ns.svc.local.", "www.ns.svc.local. CNAME real.example.com.", "real.example.com. A 192.0.2.1"}},
		{"the alias itself", "www.", CNAME, true, 0, []string{"www. CNAME real.example.com."}},
		{"an answer of 5 KB, by TCP", "big.local.", TXT, false, 0, []string{"big.local. TXT " + big}},
		{"a type nobody knows", "odd.", 65280, true, 0, []string{"odd. CNAME odd.local.", "odd.local. 65280 raw"}},
	} {
		for _, edns := range []bool{false, true} {
			b, err := r.Exchange(t.Context(), query(t, c.asked, c.typ, edns), c.search)
			if !assert.NoError(t, err, c.name) {
				continue
			}
			m := unpack(t, b)
			assert.Equal(t, c.want, answerLines(m), c.name)
			assert.Equal(t, c.rcode, m.RCode, c.name)
			assert.Equal(t, c.asked, m.Questions[0].Name.String(), c.name)
			assert.True(t, m.RecursionDesired)
			opts := 0
			for _, r := range m.Additionals {
				if r.Header.Type == dnsmessage.TypeOPT {
					opts++
				}
			}
			assert.Equal(t, edns, opts == 1, "%s: EDNS exactly when asked with it", c.name)
		}
	}
	log := a.asked()
	assert.Contains(t, log, "udp big.local. TXT")
	assert.Contains(t, log, "tcp big.local. TXT")
}

func TestResolverTakesLookupsAbsoluteNamesAsTheyAre(t *testing.T) {
	a := newAuthority(t, podZone)
	r := newResolver(t, "", podConf, map[string]*authority{"10.96.0.10": a})
	_, err := r.Exchange(t.Context(), newQuery(name(t, "py-serv"), dnsmessage.TypeA, true).pack(maxMessage), true)
	require.NoError(t, err)
	assert.Equal(t, []string{"udp py-serv. A"}, a.asked())
}

func TestResolverErrors(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, podZone)
	servers := map[string]*authority{"10.96.0.10": a}
	for _, c := range []struct {
		name, conf, asked string
		kind              error
		rcode             dnsmessage.RCode
		text              string
	}{
		{"SERVFAIL", podConf, "fail.local.", ErrServer, 2, "SERVFAIL from 10.96.0.10"},
		{"REFUSED", podConf, "no.local.", ErrServer, 5, "REFUSED from 10.96.0.10"},
		{"no answer", podConf, "slow.local.", ErrTimeout, 0, "timeout asking 10.96.0.10"},
		{"port closed", "nameserver 10.0.0.9\noptions attempts:1", "db.", ErrUnreachable, 0, "asking 10.0.0.9: connection refused"},
		{"port closed, TCP", "nameserver 10.0.0.9\noptions attempts:1 use-vc", "db.", ErrUnreachable, 0, "asking 10.0.0.9: connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newResolver(t, "", c.conf, servers)
			_, err := r.Exchange(t.Context(), query(t, c.asked, dnsmessage.TypeA, true), false)
			require.ErrorIs(t, err, c.kind)
			var re *ResolverError
			require.ErrorAs(t, err, &re)
			assert.Equal(t, c.rcode, re.RCode)
			assert.EqualError(t, err, c.text)
			assert.Equal(t, c.kind == ErrTimeout, re.Timeout())
			assert.Equal(t, c.kind == ErrUnreachable, errors.Is(err, syscall.ECONNREFUSED))
		})
	}
}

func TestResolverTriesServersAsTheOptionsSay(t *testing.T) {
	t.Parallel()
	refuses := newAuthority(t, "db. REFUSED")
	drops := newAuthority(t, "db. DROP")
	answers := newAuthority(t, "db. A 10.0.0.1")
	lame := newAuthority(t, "db. NS elsewhere.")
	servers := map[string]*authority{"10.0.0.1": refuses, "10.0.0.2": drops, "10.0.0.3": answers, "10.0.0.4": lame}
	ask := func(t *testing.T, conf string) error {
		_, err := newResolver(t, "", conf, servers).Exchange(t.Context(), query(t, "db.", dnsmessage.TypeA, false), false)
		return err
	}
	t.Run("the next one after a failure", func(t *testing.T) {
		require.NoError(t, ask(t, "nameserver 10.0.0.1\nnameserver 10.0.0.9\nnameserver 10.0.0.3\noptions timeout:1"))
		assert.Len(t, refuses.asked(), 1)
		assert.Len(t, answers.asked(), 1)
	})
	t.Run("the next one after a timeout", func(t *testing.T) {
		start := time.Now()
		require.NoError(t, ask(t, "nameserver 10.0.0.2\nnameserver 10.0.0.3\noptions timeout:1"))
		assert.WithinDuration(t, start.Add(time.Second), time.Now(), 900*time.Millisecond)
		assert.Len(t, drops.asked(), 1)
		assert.Len(t, answers.asked(), 1)
	})
	t.Run("as many rounds as attempts", func(t *testing.T) {
		require.ErrorIs(t, ask(t, "nameserver 10.0.0.1\nnameserver 10.0.0.9\noptions attempts:3"), ErrUnreachable)
		assert.Len(t, refuses.asked(), 3)
	})
	t.Run("use-vc is TCP only", func(t *testing.T) {
		require.NoError(t, ask(t, "nameserver 10.0.0.3\noptions use-vc"))
		assert.Equal(t, []string{"tcp db. A"}, answers.asked())
	})
	t.Run("rotate begins at another one", func(t *testing.T) {
		r := newResolver(t, "", "nameserver 10.0.0.3\nnameserver 10.0.0.4\noptions rotate", servers)
		for range 4 {
			_, err := r.Exchange(t.Context(), query(t, "db.", dnsmessage.TypeA, false), false)
			require.NoError(t, err)
		}
		assert.Len(t, answers.asked(), 2)
		assert.Len(t, lame.asked(), 2)
	})
}

func TestResolverAsksAgainWithoutEDNS(t *testing.T) {
	a := newAuthority(t, "@ NOEDNS\ndb. A 10.0.0.1")
	r := newResolver(t, "", "nameserver 10.0.0.1", map[string]*authority{"10.0.0.1": a})
	b, err := r.Exchange(t.Context(), query(t, "db.", dnsmessage.TypeA, true), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"db. A 10.0.0.1"}, answerLines(unpack(t, b)))
	assert.Len(t, a.asked(), 2)
}

func TestResolverIgnoresForgedAnswers(t *testing.T) {
	a := newAuthority(t, "@ FORGE\ndb. A 10.0.0.1")
	r := newResolver(t, "", "nameserver 10.0.0.1", map[string]*authority{"10.0.0.1": a})
	b, err := r.Exchange(t.Context(), query(t, "db.", dnsmessage.TypeA, true), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"db. A 10.0.0.1"}, answerLines(unpack(t, b)))
}

func TestResolverFollowsItsFiles(t *testing.T) {
	one, two := newAuthority(t, "x.one. A 10.0.0.1"), newAuthority(t, "x.two. A 10.0.0.2")
	r := newResolver(t, "", "nameserver 10.0.0.1\nsearch one", map[string]*authority{"10.0.0.1": one, "10.0.0.2": two})
	ask := func() string {
		b, err := r.Exchange(t.Context(), query(t, "x.", dnsmessage.TypeA, true), true)
		require.NoError(t, err)
		return strings.Join(answerLines(unpack(t, b)), ", ")
	}
	assert.Equal(t, "x. CNAME x.one., x.one. A 10.0.0.1", ask())
	require.NoError(t, os.WriteFile(r.ResolvConf, []byte("nameserver 10.0.0.2\nsearch two"), 0o600))
	require.NoError(t, os.Chtimes(r.ResolvConf, time.Time{}, time.Now().Add(time.Minute)))
	assert.Equal(t, "x. CNAME x.two., x.two. A 10.0.0.2", ask())
	require.NoError(t, os.WriteFile(r.HostsFile, []byte("10.0.0.3 x"), 0o600))
	assert.Equal(t, "x. A 10.0.0.3", ask())
	require.NoError(t, os.Remove(r.HostsFile))
	assert.Equal(t, "x. CNAME x.two., x.two. A 10.0.0.2", ask())
}

func TestResolverObeysNoAAAA(t *testing.T) {
	a := newAuthority(t, "db. AAAA ::1")
	r := newResolver(t, "", "nameserver 10.0.0.1\noptions no-aaaa", map[string]*authority{"10.0.0.1": a})
	b, err := r.Exchange(t.Context(), query(t, "db.", dnsmessage.TypeAAAA, true), true)
	require.NoError(t, err)
	assert.Empty(t, unpack(t, b).Answers)
	assert.Empty(t, a.asked())
}

func TestResolverEndsWithItsContext(t *testing.T) {
	a := newAuthority(t, "db. DROP")
	r := newResolver(t, "", "nameserver 10.0.0.1\noptions timeout:30", map[string]*authority{"10.0.0.1": a})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	_, err := r.Exchange(ctx, query(t, "db.", dnsmessage.TypeA, true), true)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestResolverRefusesWhatIsNoQuery(t *testing.T) {
	r := newResolver(t, "", "", nil)
	good := query(t, "db.", dnsmessage.TypeA, true)
	response, update := append([]byte(nil), good...), append([]byte(nil), good...)
	response[2] |= 0x80
	update[2] |= 5 << 3
	for name, q := range map[string][]byte{"nothing": nil, "half": good[:15], "response": response, "update": update} {
		_, err := r.Exchange(t.Context(), q, true)
		assert.ErrorIs(t, err, errMalformed, name)
	}
}

func TestResolverIsSafeForManyAtOnce(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, podZone)
	r := newResolver(t, hostsText, podConf, map[string]*authority{"10.96.0.10": a})
	q := query(t, "py-serv.", dnsmessage.TypeA, true)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			b, err := r.Exchange(t.Context(), q, true)
			if assert.NoError(t, err) {
				m, err := parseMessage(b)
				assert.NoError(t, err)
				assert.Len(t, m.Answers, 2)
			}
		})
	}
	wg.Wait()
}
