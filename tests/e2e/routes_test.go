//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One fwd-dial with several routes, in use by the real clients of real servers
// at the same time.
func TestRoutesToRealServers(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("py-serv", 1, podSpec(80, "sh", "-c",
		`echo hello from nginx >/var/www/html/index.html && exec nginx -g "daemon off;"`))
	s.service("py-serv", 80)
	s.pod("db", podSpec(5432, "sh", "-c", `bin=$(echo /usr/lib/postgresql/*/bin); install -d -o postgres /tmp/pg
		exec su postgres -c "$bin/initdb -D /tmp/pg && echo host all all all trust >>/tmp/pg/pg_hba.conf &&
			exec $bin/postgres -D /tmp/pg -c listen_addresses=* -c unix_socket_directories="`))
	s.service("db", 5432)
	s.pod("cache", podSpec(6379, "redis-server", "--protected-mode", "no"))
	s.service("cache", 6379)

	forward, addrs := s.forward(3, "-t", "deploy/py-serv",
		"-L", "0:py-serv:80", "-L", "0:db."+s.name+".svc:5432", "-L", "[::1]:0:cache:6379")
	for i, remote := range []string{"py-serv:80", "db." + s.name + ".svc:5432", "cache:6379"} {
		assert.Equal(t, addrs[i]+" -> "+remote, forward.stdout.wait(s, i))
	}
	dbPort, cachePort := port(t, addrs[1]), port(t, addrs[2])
	var begun []*background
	for i := range 5 {
		begun = append(begun,
			s.start("curl", "-sS", "--fail", "--connect-to", "py-serv:80:"+addrs[0], "http://py-serv/"),
			s.start("psql", "-h", "127.0.0.1", "-p", dbPort, "-U", "postgres", "-AtXc",
				fmt.Sprintf("select %d, pg_sleep(1), length(repeat('fwd', 1000000))", i)),
			s.start("redis-cli", "-h", "::1", "-p", cachePort, "set", fmt.Sprint("key", i), "value"),
		)
	}
	for i := range 5 {
		for j, want := range []string{"hello from nginx\n", fmt.Sprintf("%d||3000000\n", i), "OK\n"} {
			b := begun[3*i+j]
			assert.Zero(t, b.wait(), "%v: %s", b.cmd.Args, b.stderr)
			assert.Equal(t, want, b.stdout.String(), "%v", b.cmd.Args)
		}
	}
	rows := s.ok(s.run(nil, "psql", "-h", "127.0.0.1", "-p", dbPort, "-U", "postgres", "-AtXc",
		"select n, md5(n::text) from generate_series(1, 100000) n"))
	assert.Equal(t, 100000, strings.Count(rows, "\n"), "rows of a big answer")
	assert.Equal(t, "value\n", s.ok(s.run(nil, "redis-cli", "-h", "::1", "-p", cachePort, "get", "key4")))
	assert.Zero(t, s.run(strings.NewReader(strings.Repeat("INCR count\n", 10000)),
		"redis-cli", "-h", "::1", "-p", cachePort, "--pipe").code)
	assert.Equal(t, "10000\n", s.ok(s.run(nil, "redis-cli", "-h", "::1", "-p", cachePort, "get", "count")))
	assert.Len(t, s.ephemeral(s.podsOf("py-serv")[0]), 1, "agents that were launched")

	assert.Equal(t, 130, forward.stop(), "exit code after SIGINT")
	_, err := net.Dial("tcp", addrs[0])
	assert.Error(t, err, "the port is free again")
}

// A server that speaks first is heard at once, without a byte from the client.
func TestServerThatSpeaksFirst(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("smtp", 2525, "banner", "-port", "2525")
	_, addrs := s.forward(1, "-L", "0:smtp:2525")

	const banner, soon = "220 workload ready\r\n", 100 * time.Millisecond
	// A busy machine is given more than one chance.
	s.eventually("the banner", func(context.Context) error {
		var times []time.Duration
		for range 21 {
			begin := time.Now()
			conn := s.dial(addrs[0])
			b := make([]byte, len(banner))
			_, err := io.ReadFull(conn, b)
			times = append(times, time.Since(begin))
			require.NoError(t, err)
			require.Equal(t, banner, string(b))
			conn.Close()
		}
		slices.Sort(times)
		t.Logf("time from connecting to the banner: %v in the median, %v to %v", times[10], times[0], times[20])
		if times[10] > soon {
			return fmt.Errorf("took %v in the median, want at most %v", times[10], soon)
		}
		return nil
	})
}

// port is the port of a local address.
func port(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	return port
}
