package dns

import (
	"cmp"
	"context"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/net/dns/dnsmessage"
)

// A Resolver answers queries as the stub resolver of this machine (in the agent:
// of the pod) would: hosts file first, then the name servers of resolv.conf,
// which is "hosts: files dns" in nsswitch.conf(5) and what musl always does. The
// zero value is ready. Fields must not change after the first Exchange, which is
// safe for concurrent use.
type Resolver struct {
	HostsFile  string // /etc/hosts when empty
	ResolvConf string // /etc/resolv.conf when empty

	// Dial opens a socket to a name server; network is "udp" or "tcp", address
	// always has port 53. Nil is a zero net.Dialer. It is where the agent marks
	// its sockets.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	hosts  watchedFile[*hostsFile]
	conf   watchedFile[*resolvConf]
	rotate atomic.Uint32 // the server that the next query begins with
}

// Exchange answers one query. With search, the name goes through the search list
// as glibc would do it, unless the query is by [Lookup] for a name with a dot at its
// end; otherwise it is taken as it is. A name that the search list has expanded is
// answered with a CNAME from the name asked for to the expanded one in front, or,
// when CNAME was asked for, with that record under the name asked for. Any other
// answer stays as the name server gave it.
//
// The response is NXDOMAIN only if every name tried is. It has EDNS exactly when
// the query has, except that one which dnsmessage cannot hold is not given an OPT
// record that the server left out. Records keep type, TTL and RDATA, whatever the
// type; under an expanded name, those that cannot be read are left out, with TC.
// Of EDNS options in the query none goes to a name server.
//
// Errors are a *ResolverError, ctx's error, or one about a query that is not
// one question of opcode QUERY.
func (r *Resolver) Exchange(ctx context.Context, query []byte, search bool) ([]byte, error) {
	q, err := parseMessage(query)
	if err != nil || len(q.Questions) == 0 || q.Response || q.OpCode != 0 {
		return nil, errMalformed
	}
	resp, err := r.resolve(ctx, q, search)
	if err != nil {
		return nil, err
	}
	return resp.pack(maxMessage), nil
}

func (r *Resolver) resolve(ctx context.Context, q *message, search bool) (*message, error) {
	hosts := r.hosts.get(cmp.Or(r.HostsFile, "/etc/hosts"), parseHosts)
	if resp := hosts.answer(q); resp != nil {
		return resp, nil
	}
	conf := r.conf.get(cmp.Or(r.ResolvConf, "/etc/resolv.conf"), func(text string) *resolvConf {
		hostname, _ := os.Hostname() // without one there is no default search list
		return parseResolvConf(text, hostname)
	})
	if conf.noAAAA && q.Questions[0].Type == dnsmessage.TypeAAAA {
		return q.reply(dnsmessage.RCodeSuccess), nil
	}
	ask := func(ctx context.Context, n dnsmessage.Name, typ dnsmessage.Type) (*message, error) {
		return r.ask(ctx, conf, q, dnsmessage.Question{Name: n, Type: typ, Class: q.Questions[0].Class})
	}
	names := []candidate{{q.Questions[0].Name, true}}
	_, absolute := q.option(optionAbsolute)
	if search && !absolute && q.Questions[0].Class == dnsmessage.ClassINET {
		names = conf.candidates(q.Questions[0].Name)
	}
	return searchNames(ctx, q, names, ask)
}
