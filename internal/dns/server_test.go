package dns

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// startServer runs a Server for the test and gives its address.
func startServer(t *testing.T, s *Server) string {
	pc, ln := listenBoth(t)
	ctx, cancel := context.WithCancel(context.Background())
	errc := make(chan error, 1)
	go func() { errc <- s.Serve(ctx, pc, ln) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-errc)
	})
	return ln.Addr().String()
}

// dialServer opens a socket that fails reads after some seconds.
func dialServer(t *testing.T, network, addr string) net.Conn {
	conn, err := net.Dial(network, addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// askUDP sends a datagram and gives the one that comes back.
func askUDP(t *testing.T, addr string, query []byte) []byte {
	conn := dialServer(t, "udp", addr)
	_, err := conn.Write(query)
	require.NoError(t, err)
	b := make([]byte, 65535)
	n, err := conn.Read(b)
	require.NoError(t, err)
	return b[:n]
}

func askTCP(t *testing.T, addr string, query []byte) []byte {
	conn := dialServer(t, "tcp", addr)
	require.NoError(t, writeMessage(conn, query))
	b, err := readMessage(conn)
	require.NoError(t, err)
	return b
}

// texts answers with as many octets of TXT as the first label says, such as
// n5000.
func texts(_ context.Context, query []byte) ([]byte, error) {
	q, err := parseMessage(query)
	if err != nil {
		return nil, err
	}
	var n int
	fmt.Sscanf(q.Questions[0].Name.String(), "n%d", &n)
	r := q.reply(0)
	for ; n > 0; n -= 100 {
		text := strings.Repeat("x", min(n, 100))
		r.Answers = append(r.Answers, record(q.Questions[0].Name, dnsmessage.TypeTXT, 60, &dnsmessage.TXTResource{TXT: []string{text}}))
	}
	r.opt = newOPT(false) // also when the query has none: the server's to remove
	return r.pack(maxMessage), nil
}

func TestServerTruncatesByUDPAndNotByTCP(t *testing.T) {
	addr := startServer(t, &Server{Exchange: texts})
	for _, c := range []struct {
		name      string
		edns      bool
		limit     int
		truncated bool
	}{
		{"n300.", false, 512, false},
		{"n600.", false, 512, true},
		{"n600.", true, 1232, false},
		{"n5000.", true, 1232, true},
		{"n50000.", true, 1232, true},
	} {
		q := query(t, c.name, dnsmessage.TypeTXT, c.edns)
		b := askUDP(t, addr, q)
		m := unpack(t, b)
		assert.LessOrEqual(t, len(b), c.limit, c.name)
		assert.Equal(t, c.truncated, m.Truncated, c.name)
		assert.NotEmpty(t, m.Answers, "as many as fit, for clients that do not ask again")
		assert.Equal(t, c.edns, len(m.Additionals) == 1, c.name)

		whole := unpack(t, askTCP(t, addr, q))
		assert.False(t, whole.Truncated, c.name)
		assert.Len(t, strings.Join(answerLines(whole), ""), len(whole.Answers)*len(c.name+" TXT ")+atoi(c.name))
	}
}

func atoi(name string) (n int) {
	fmt.Sscanf(name, "n%d", &n)
	return n
}

func TestServerAnswersWhatIsNotAQuery(t *testing.T) {
	addr := startServer(t, &Server{Exchange: echo(nil)})
	good := query(t, "db.", dnsmessage.TypeA, true)
	with := func(i int, octet byte) []byte {
		b := append([]byte(nil), good...)
		b[i] = octet
		return b
	}
	axfr := query(t, "db.", dnsmessage.TypeAXFR, true)
	for name, c := range map[string]struct {
		query []byte
		rcode dnsmessage.RCode
	}{
		"a good one":        {good, 0},
		"a header only":     {good[:12], 1},
		"half a question":   {good[:16], 1},
		"two questions":     {with(5, 2), 1},
		"no question":       {with(5, 0), 1},
		"an update":         {with(2, 5<<3), 4},
		"a zone transfer":   {axfr, 4},
		"a pointer forward": {with(12, 0xc0), 1},
		"a dot in a label":  {with(13, '.'), 1}, // dnsmessage has no form for it
	} {
		for network, b := range map[string][]byte{"udp": askUDP(t, addr, c.query), "tcp": askTCP(t, addr, c.query)} {
			m, err := parseMessage(b)
			if assert.NoError(t, err, name) {
				assert.Equal(t, c.rcode, m.rcode(), "%s by %s", name, network)
				assert.EqualValues(t, 4711, m.ID)
				assert.True(t, m.Response)
			}
		}
	}
	m, err := parseMessage(askUDP(t, addr, with(len(good)-5, 1))) // EDNS version 1
	require.NoError(t, err)
	assert.EqualValues(t, 16, m.rcode(), "BADVERS")

	conn := dialServer(t, "udp", addr)
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	conn.Write(good[:5])
	conn.Write(nil)
	conn.Write(with(2, 0x80)) // a response
	_, err = conn.Read(make([]byte, 512))
	assert.Error(t, err, "nothing comes back")
}

func TestServerPassesOnWhatDnsmessageCannotHold(t *testing.T) {
	addr := startServer(t, &Server{Exchange: func(context.Context, []byte) ([]byte, error) { return []byte(dotted), nil }})
	for _, edns := range []bool{false, true} {
		q := query(t, "a.x.", dnsmessage.TypeTXT, edns)
		for _, b := range [][]byte{askUDP(t, addr, q), askTCP(t, addr, q)} {
			assert.Equal(t, string(q[:2])+dotted[2:], string(b))
		}
	}
}

func TestServerSlowNamesDoNotDelayOthers(t *testing.T) {
	release := make(chan struct{})
	addr := startServer(t, &Server{Exchange: echo(release)})
	slowUDP, conn := dialServer(t, "udp", addr), dialServer(t, "tcp", addr)
	slowUDP.Write(query(t, "slow.", dnsmessage.TypeA, true))
	require.NoError(t, writeMessage(conn, query(t, "slow.", dnsmessage.TypeA, true)))
	for i := range 100 {
		q := query(t, fmt.Sprintf("fast%d.", i), dnsmessage.TypeA, true)
		unpack(t, askUDP(t, addr, q))
		require.NoError(t, writeMessage(conn, q))
		b, err := readMessage(conn)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("fast%d.", i), unpack(t, b).Questions[0].Name.String())
	}
	close(release)
	b, err := readMessage(conn)
	require.NoError(t, err)
	assert.Equal(t, "slow.", unpack(t, b).Questions[0].Name.String())
	b = make([]byte, 4096)
	n, err := slowUDP.Read(b)
	require.NoError(t, err)
	assert.Equal(t, "slow.", unpack(t, b[:n]).Questions[0].Name.String())
}

func TestServerPipelinesTCP(t *testing.T) {
	addr := startServer(t, &Server{Exchange: texts})
	conn := dialServer(t, "tcp", addr)
	var all []byte
	for i := range 50 {
		b, err := frame(query(t, fmt.Sprintf("n%d.", 1000+i), dnsmessage.TypeTXT, true))
		require.NoError(t, err)
		all = append(all, b...)
	}
	_, err := conn.Write(all)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	seen := map[string]bool{}
	for range 50 {
		b, err := readMessage(conn)
		require.NoError(t, err)
		seen[unpack(t, b).Questions[0].Name.String()] = true
	}
	assert.Len(t, seen, 50)
	_, err = readMessage(conn)
	assert.Equal(t, io.EOF, err)
}

func TestServerEndsIdleConnectionsOnly(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	addr := startServer(t, &Server{Exchange: echo(release), IdleTimeout: 100 * time.Millisecond})
	idle, busy, halfway := dialServer(t, "tcp", addr), dialServer(t, "tcp", addr), dialServer(t, "tcp", addr)
	require.NoError(t, writeMessage(busy, query(t, "slow.", dnsmessage.TypeA, true)))
	halfway.Write([]byte{0})
	for name, conn := range map[string]net.Conn{"idle": idle, "halfway": halfway} {
		_, err := conn.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err, name)
	}
	time.Sleep(250 * time.Millisecond)
	close(release)
	b, err := readMessage(busy)
	require.NoError(t, err)
	unpack(t, b)
	_, err = readMessage(busy)
	assert.Equal(t, io.EOF, err)
}

func TestServerRefusesTheTooMany(t *testing.T) {
	release := make(chan struct{})
	addr := startServer(t, &Server{Exchange: echo(release)})
	conn := dialServer(t, "tcp", addr)
	for range maxInFlight {
		require.NoError(t, writeMessage(conn, query(t, "slow.", dnsmessage.TypeA, true)))
	}
	require.NoError(t, writeMessage(conn, query(t, "x.", dnsmessage.TypeA, true)))
	b, err := readMessage(conn)
	require.NoError(t, err)
	assert.Equal(t, dnsmessage.RCodeServerFailure, unpack(t, b).RCode)
	assert.Equal(t, dnsmessage.RCodeServerFailure, unpack(t, askUDP(t, addr, query(t, "x.", dnsmessage.TypeA, true))).RCode)
	close(release)
	for range maxInFlight {
		_, err := readMessage(conn)
		require.NoError(t, err)
	}
	assert.Equal(t, dnsmessage.RCodeSuccess, unpack(t, askUDP(t, addr, query(t, "x.", dnsmessage.TypeA, true))).RCode)
}

func TestServerReturnsWhenASocketFails(t *testing.T) {
	pc, ln := listenBoth(t)
	errc := make(chan error, 1)
	go func() { errc <- (&Server{Exchange: echo(nil)}).Serve(t.Context(), pc, ln) }()
	ln.Close()
	assert.ErrorIs(t, <-errc, net.ErrClosed)
	_, err := pc.WriteTo([]byte("x"), pc.LocalAddr())
	assert.ErrorIs(t, err, net.ErrClosed, "the other socket is closed too")
}

func TestServerToThePodAndBack(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, lookupZone)
	exchange := overStream(t, newResolver(t, hostsText, podConf, map[string]*authority{"10.96.0.10": a}))
	addr := startServer(t, &Server{Exchange: exchange})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			// The Go resolver as the client.
			res := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, addr)
			}}
			ips, err := res.LookupNetIP(t.Context(), "ip4", "py-serv.")
			if assert.NoError(t, err) {
				assert.Equal(t, addrs("10.100.0.1"), ips)
			}
			txt, err := res.LookupTXT(t.Context(), "big.local.")
			if assert.NoError(t, err) {
				assert.Len(t, strings.Join(txt, ""), 5000)
			}
			_, err = res.LookupNetIP(t.Context(), "ip4", "nope.")
			var de *net.DNSError
			if assert.ErrorAs(t, err, &de) {
				assert.True(t, de.IsNotFound)
			}
		})
	}
	wg.Wait()
	m := unpack(t, askUDP(t, addr, query(t, "slow.local.", dnsmessage.TypeA, true)))
	assert.Equal(t, dnsmessage.RCodeServerFailure, m.RCode)
	assert.Equal(t, "\x00\x16timeout asking 10.96.0.10", string(m.Additionals[0].Body.(*dnsmessage.OPTResource).Options[0].Data))
}

func FuzzResponder(f *testing.F) {
	f.Add([]byte(nil), true)
	f.Add(response(f), true)
	f.Add(newQuery(name(f, "db"), 28, true).pack(maxMessage), false)
	f.Add(newQuery(name(f, "fail"), 28, false).pack(maxMessage), true)
	p := newResponder(echo(nil))
	f.Fuzz(func(t *testing.T, query []byte, udp bool) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // so that "slow." fails
		resp, todo := p.begin(query, udp)
		if todo != nil {
			resp = todo(ctx)
		}
		if resp == nil {
			return
		}
		m, err := parseMessage(resp)
		if err != nil || !m.Response || m.ID != uint16(query[0])<<8|uint16(query[1]) {
			t.Fatalf("response to %x = %x, %v", query, resp, err)
		}
		if udp && len(resp) > maxUDP || udp && m.opt == nil && len(resp) > minUDP {
			t.Fatalf("response to %x has %d octets", query, len(resp))
		}
		if len(p.slots) > 0 {
			t.Fatal("a place was not given back")
		}
	})
}
