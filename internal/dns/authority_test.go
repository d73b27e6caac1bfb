package dns

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// An authority is a small name server for tests, made with dnsmessage and nothing
// of this package. Its zone has one record per line:
//
//	name TYPE data…            TTL is 60
//	name SERVFAIL|REFUSED|DROP what to do with queries for the name
//
//	@ NOEDNS                   FORMERR for a query with OPT
//	@ FORGE                    first send answers with a wrong ID and a wrong question
//
// With data "big:N", TXT has N octets. Names that are not there are NXDOMAIN.
type authority struct {
	zone map[string][][]string

	udp net.PacketConn
	tcp net.Listener
	wg  sync.WaitGroup

	mu  sync.Mutex
	log []string // "udp name. TYPE" for every query
}

func newAuthority(t *testing.T, zone string) *authority {
	a := &authority{zone: map[string][][]string{}}
	for line := range strings.Lines(zone) {
		if f := strings.Fields(line); len(f) > 1 {
			key := strings.ToLower(f[0])
			a.zone[key] = append(a.zone[key], f[1:])
		}
	}
	a.udp, a.tcp = listenBoth(t)
	a.wg.Go(a.serveUDP)
	a.wg.Go(a.serveTCP)
	t.Cleanup(func() {
		a.udp.Close()
		a.tcp.Close()
		a.wg.Wait()
	})
	return a
}

// listenBoth gives a UDP and a TCP socket on one loopback port.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		pc, err := net.ListenPacket("udp", ln.Addr().String())
		if err == nil {
			return pc, ln
		}
		ln.Close()
	}
	t.Fatal("no port that is free for UDP and TCP")
	return nil, nil
}

func (a *authority) is(quirk string) bool {
	return len(a.zone["@"]) > 0 && a.zone["@"][0][0] == quirk
}

func (a *authority) serveUDP() {
	b := make([]byte, 65535)
	for {
		n, from, err := a.udp.ReadFrom(b)
		if err != nil {
			return
		}
		if a.is("FORGE") {
			a.udp.WriteTo(a.forged(b[:n], 1, "x"), from)
			a.udp.WriteTo(a.forged(b[:n], 0, "y"), from)
		}
		if resp := a.respond(b[:n], "udp"); resp != nil {
			a.udp.WriteTo(resp, from)
		}
	}
}

func (a *authority) serveTCP() {
	for {
		conn, err := a.tcp.Accept()
		if err != nil {
			return
		}
		a.wg.Go(func() {
			defer conn.Close()
			var size [2]byte
			if _, err := io.ReadFull(conn, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, query); err != nil {
				return
			}
			resp := a.respond(query, "tcp")
			conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(resp))), resp...))
			io.Copy(io.Discard, conn)
		})
	}
}

func (a *authority) forged(query []byte, idOff uint16, name string) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return nil
	}
	m.ID += idOff
	m.Response = true
	m.Additionals = nil
	if idOff == 0 {
		m.Questions[0].Name = dnsmessage.MustNewName(name + ".forged.")
	}
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
		Body:   &dnsmessage.AResource{A: [4]byte{6, 6, 6, 6}},
	}}
	b, _ := m.Pack()
	return b
}

// respond returns nil for a query to drop.
func (a *authority) respond(query []byte, network string) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	a.mu.Lock()
	a.log = append(a.log, fmt.Sprintf("%s %s %s", network, q.Name, strings.TrimPrefix(q.Type.String(), "Type")))
	a.mu.Unlock()
	size := 512
	for _, r := range m.Additionals {
		size = int(r.Header.Class)
	}
	resp := dnsmessage.Message{Header: m.Header, Questions: m.Questions}
	resp.Response, resp.RecursionAvailable = true, true
	if a.is("NOEDNS") && len(m.Additionals) > 0 {
		resp.RCode = dnsmessage.RCodeFormatError
	} else if !a.fill(&resp, q) {
		return nil
	}
	b, err := resp.Pack()
	if err != nil {
		panic(err)
	}
	if network == "udp" && len(b) > size {
		resp.Truncated, resp.Answers = true, nil
		b, _ = resp.Pack()
	}
	return b
}

func (a *authority) fill(resp *dnsmessage.Message, q dnsmessage.Question) bool {
	name := q.Name
	for range 5 {
		rows, ok := a.zone[strings.ToLower(name.String())]
		if !ok {
			resp.RCode = dnsmessage.RCodeNameError
			return true
		}
		var alias *dnsmessage.Name
		for _, row := range rows {
			switch row[0] {
			case "DROP":
				return false
			case "SERVFAIL":
				resp.RCode = dnsmessage.RCodeServerFailure
				return true
			case "REFUSED":
				resp.RCode = dnsmessage.RCodeRefused
				return true
			}
			typ, body := parseBody(row)
			if typ == q.Type || typ == dnsmessage.TypeCNAME {
				h := dnsmessage.ResourceHeader{Name: name, Class: q.Class, TTL: 60}
				resp.Answers = append(resp.Answers, dnsmessage.Resource{Header: h, Body: body})
			}
			if c, ok := body.(*dnsmessage.CNAMEResource); ok && q.Type != dnsmessage.TypeCNAME {
				alias = &c.CNAME
			}
		}
		if alias == nil {
			return true
		}
		name = *alias
	}
	return true
}

func parseBody(row []string) (dnsmessage.Type, dnsmessage.ResourceBody) {
	name := func(i int) dnsmessage.Name { return dnsmessage.MustNewName(row[i]) }
	num := func(i int) (n uint16) { fmt.Sscan(row[i], &n); return n }
	switch row[0] {
	case "A":
		return dnsmessage.TypeA, &dnsmessage.AResource{A: netip.MustParseAddr(row[1]).As4()}
	case "AAAA":
		return dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(row[1]).As16()}
	case "CNAME":
		return dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: name(1)}
	case "NS":
		return dnsmessage.TypeNS, &dnsmessage.NSResource{NS: name(1)}
	case "PTR":
		return dnsmessage.TypePTR, &dnsmessage.PTRResource{PTR: name(1)}
	case "MX":
		return dnsmessage.TypeMX, &dnsmessage.MXResource{Pref: num(1), MX: name(2)}
	case "SRV":
		return dnsmessage.TypeSRV, &dnsmessage.SRVResource{Priority: num(1), Weight: num(2), Port: num(3), Target: name(4)}
	case "TXT":
		txt := row[1:]
		if n := 0; strings.HasPrefix(row[1], "big:") {
			fmt.Sscanf(row[1], "big:%d", &n)
			for txt = nil; n > 0; n -= 250 {
				txt = append(txt, strings.Repeat("x", min(n, 250)))
			}
		}
		return dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: txt}
	case "TYPE65280":
		return 65280, &dnsmessage.UnknownResource{Type: 65280, Data: []byte(row[1])}
	}
	panic("zone: " + strings.Join(row, " "))
}

// asked returns the queries so far and forgets them.
func (a *authority) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := a.log
	a.log = nil
	return log
}

// newResolver makes a Resolver with the two files, for which servers["10.0.0.1"]
// is the name server of that address; the port of an address that is not there
// is closed.
func newResolver(t *testing.T, hosts, resolv string, servers map[string]*authority) *Resolver {
	dir := t.TempDir()
	r := &Resolver{HostsFile: filepath.Join(dir, "hosts"), ResolvConf: filepath.Join(dir, "resolv.conf")}
	require.NoError(t, os.WriteFile(r.HostsFile, []byte(hosts), 0o600))
	require.NoError(t, os.WriteFile(r.ResolvConf, []byte(resolv), 0o600))
	r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || port != "53" {
			return nil, fmt.Errorf("dial %s", address)
		}
		address = "127.0.0.1:1"
		if a := servers[host]; a != nil {
			address = a.tcp.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return r
}

// name is newName for names that are good.
func name(t testing.TB, s string) dnsmessage.Name {
	t.Helper()
	n, err := newName(s)
	require.NoError(t, err)
	return n
}

// ask is a query for name as a message.
func ask(t testing.TB, asked string, typ dnsmessage.Type) *message {
	t.Helper()
	m := &message{}
	m.Questions = []dnsmessage.Question{{Name: name(t, asked), Type: typ, Class: dnsmessage.ClassINET}}
	return m
}

// record is one of class IN.
func record(owner dnsmessage.Name, typ dnsmessage.Type, ttl uint32, body dnsmessage.ResourceBody) dnsmessage.Resource {
	h := dnsmessage.ResourceHeader{Name: owner, Type: typ, Class: dnsmessage.ClassINET, TTL: ttl}
	return dnsmessage.Resource{Header: h, Body: body}
}

// query packs a query with dnsmessage.
func query(t *testing.T, name string, typ dnsmessage.Type, edns bool) []byte {
	t.Helper()
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 4711, RecursionDesired: true})
	require.NoError(t, b.StartQuestions())
	require.NoError(t, b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}))
	if edns {
		var h dnsmessage.ResourceHeader
		require.NoError(t, h.SetEDNS0(1232, 0, false))
		require.NoError(t, b.StartAdditionals())
		require.NoError(t, b.OPTResource(h, dnsmessage.OPTResource{}))
	}
	msg, err := b.Finish()
	require.NoError(t, err)
	return msg
}

// unpack reads a response with dnsmessage.
func unpack(t *testing.T, b []byte) dnsmessage.Message {
	t.Helper()
	var m dnsmessage.Message
	require.NoError(t, m.Unpack(b))
	require.EqualValues(t, 4711, m.ID)
	require.True(t, m.Response)
	return m
}

// answerLines prints the answer section as "name TYPE data".
func answerLines(m dnsmessage.Message) []string {
	var lines []string
	for _, r := range m.Answers {
		var data string
		switch b := r.Body.(type) {
		case *dnsmessage.AResource:
			data = netip.AddrFrom4(b.A).String()
		case *dnsmessage.AAAAResource:
			data = netip.AddrFrom16(b.AAAA).String()
		case *dnsmessage.CNAMEResource:
			data = b.CNAME.String()
		case *dnsmessage.PTRResource:
			data = b.PTR.String()
		case *dnsmessage.TXTResource:
			data = strings.Join(b.TXT, "")
		case *dnsmessage.UnknownResource:
			data = string(b.Data)
		default:
			data = fmt.Sprint(b)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", r.Header.Name, strings.TrimPrefix(r.Header.Type.String(), "Type"), data))
	}
	return lines
}
