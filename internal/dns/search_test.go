package dns

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// TestSearchOrder writes down what glibc does: which names are asked for, and what
// comes of it. What a name has: A or AAAA or TXT, or NODATA, SERVFAIL, TIMEOUT,
// UNREACHABLE; NXDOMAIN when it is not listed.
func TestSearchOrder(t *testing.T) {
	const conf = "search one two three\noptions ndots:2"
	for _, c := range []struct {
		name, asked, typ, zone string
		want, log              string
	}{
		{"the first domain has it", "db", "A", "db.one=A", "db.one", "db.one/A"},
		{"the second domain has it", "db", "A", "db.two=A", "db.two", "db.one/A db.two/A"},
		{"it is found as it is, last", "db", "A", "db=A", "db", "db.one/A db.two/A db.three/A db/A"},
		{"as it is first with enough dots", "a.b.c", "A", "a.b.c=A a.b.c.one=A", "a.b.c", "a.b.c/A"},
		{"with enough dots it is searched for too", "a.b.c", "A", "a.b.c.one=A", "a.b.c.one", "a.b.c/A a.b.c.one/A"},
		{"NXDOMAIN everywhere", "db", "A", "", "NXDOMAIN", "db.one/A db.two/A db.three/A db/A"},
		{"no data goes on", "db", "TXT", "db.one=A db.three=TXT", "db.three", "db.one/TXT db.two/TXT db.three/TXT"},
		{"no data anywhere is not NXDOMAIN", "db", "TXT", "db.two=NODATA", "no data of db.two", "db.one/TXT db.two/TXT db.three/TXT db/TXT"},
		{"no data as it is, first, is not NXDOMAIN", "a.b.c", "TXT", "a.b.c=NODATA", "no data of a.b.c", "a.b.c/TXT a.b.c.one/TXT a.b.c.two/TXT a.b.c.three/TXT"},
		{"AAAA stops where there is A", "db", "AAAA", "db.one=A db.two=AAAA", "no data of db.one", "db.one/AAAA db.one/A"},
		{"A stops where there is AAAA", "db", "A", "db.one=AAAA db.two=A", "no data of db.one", "db.one/A db.one/AAAA"},
		{"AAAA goes on where there is neither", "db", "AAAA", "db.one=NODATA db.two=AAAA", "db.two", "db.one/AAAA db.one/A db.two/AAAA"},
		{"the last name needs no second look", "db", "AAAA", "db=A", "no data of db", "db.one/AAAA db.two/AAAA db.three/AAAA db/AAAA"},
		{"SERVFAIL goes on", "db", "A", "db.one=SERVFAIL db.two=A", "db.two", "db.one/A db.two/A"},
		{"SERVFAIL on the way is not NXDOMAIN", "db", "A", "db.one=SERVFAIL", "name server failed", "db.one/A db.two/A db.three/A db/A"},
		{"SERVFAIL as it is, first, is not NXDOMAIN", "a.b.c", "A", "a.b.c=SERVFAIL", "name server failed", "a.b.c/A a.b.c.one/A a.b.c.two/A a.b.c.three/A"},
		{"no data beats SERVFAIL", "db", "TXT", "db.one=SERVFAIL db.two=NODATA", "no data of db.two", "db.one/TXT db.two/TXT db.three/TXT db/TXT"},
		{"a timeout leaves only the name as it is", "a.b", "A", "a.b.one=TIMEOUT a.b=A", "a.b", "a.b.one/A a.b/A"},
		{"a timeout is not NXDOMAIN", "db", "A", "db.one=TIMEOUT db.two=A", "timeout", "db.one/A db/A"},
		{"a timeout as it is, first, goes on", "a.b.c", "A", "a.b.c=TIMEOUT a.b.c.one=A", "a.b.c.one", "a.b.c/A a.b.c.one/A"},
		{"unreachable ends it", "db", "A", "db.one=UNREACHABLE db.two=A", "name server unreachable", "db.one/A"},
	} {
		zone := map[string]string{}
		for _, entry := range strings.Fields(c.zone) {
			name, has, _ := strings.Cut(entry, "=")
			zone[name] = has
		}
		var log []string
		server := func(_ context.Context, n dnsmessage.Name, typ dnsmessage.Type) (*message, error) {
			asked := strings.TrimSuffix(n.String(), ".")
			log = append(log, asked+"/"+typeString(typ))
			m := ask(t, asked, typ)
			switch has := zone[asked]; has {
			case "":
				m.setRCode(dnsmessage.RCodeNameError)
			case "NODATA":
			case "SERVFAIL":
				return nil, &ResolverError{Kind: ErrServer}
			case "TIMEOUT":
				return nil, &ResolverError{Kind: ErrTimeout}
			case "UNREACHABLE":
				return nil, &ResolverError{Kind: ErrUnreachable}
			case typeString(typ):
				m.Answers = []dnsmessage.Resource{record(n, typ, 7, &dnsmessage.UnknownResource{Type: typ, Data: []byte("\x03yes")})}
			}
			return m, nil
		}
		typ, err := ParseType(c.typ)
		require.NoError(t, err)
		q := ask(t, c.asked, typ)
		q.ID = 5
		resp, err := searchNames(t.Context(), q, parseResolvConf(conf, "").candidates(name(t, c.asked)), server)
		got := ""
		switch {
		case err != nil:
			got = strings.SplitN(err.Error(), ":", 2)[0]
		case resp.rcode() == dnsmessage.RCodeNameError:
			got = "NXDOMAIN"
		default:
			end := name(t, c.asked)
			if len(resp.Answers) > 0 {
				if alias, ok := resp.Answers[0].Body.(*dnsmessage.CNAMEResource); ok {
					assert.Equal(t, end, resp.Answers[0].Header.Name, c.name)
					end = alias.CNAME
				}
			}
			got = strings.TrimSuffix(end.String(), ".")
			if last := len(resp.Answers) - 1; last < 0 || resp.Answers[last].Header.Type != typ {
				got = "no data of " + got
			}
			assert.Equal(t, q.Questions, resp.Questions, c.name)
			assert.EqualValues(t, 5, resp.ID)
		}
		assert.Equal(t, c.want, got, c.name)
		assert.Equal(t, c.log, strings.Join(log, " "), c.name)
	}
}

func TestSearchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	server := func(context.Context, dnsmessage.Name, dnsmessage.Type) (*message, error) {
		asked++
		cancel()
		return nil, context.Cause(ctx)
	}
	candidates := parseResolvConf("search a b", "").candidates(name(t, "db"))
	_, err := searchNames(ctx, ask(t, "db", 1), candidates, server)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, asked)
}
