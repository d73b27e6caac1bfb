package route

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseLocal(t *testing.T) {
	for _, tt := range []struct{ name, arg, want string }{
		{"the remote port is the local one by default", "db:5432", "127.0.0.1:5432:db:5432"},
		{"a local port may differ", "9000:py-serv:80", "127.0.0.1:9000:py-serv:80"},
		{"port 0 is left to the kernel", "0:py-serv:80", "127.0.0.1:0:py-serv:80"},
		{"a bind address may be given", "0.0.0.0:9000:py-serv:80", "0.0.0.0:9000:py-serv:80"},
		{"a bind address may be a name", "localhost:9000:py-serv:80", "localhost:9000:py-serv:80"},
		{"a star means all addresses", "*:9000:py-serv:80", ":9000:py-serv:80"},
		{"IPv6 stands in brackets", "[::1]:9000:[fd00::5]:80", "[::1]:9000:[fd00::5]:80"},
		{"IPv6 may be remote only", "[fd00::5]:80", "127.0.0.1:80:[fd00::5]:80"},
		{"a full name", "5432:db.prod.svc:5432", "127.0.0.1:5432:db.prod.svc:5432"},
		{"an absolute name", "5432:db.prod.svc.:5432", "127.0.0.1:5432:db.prod.svc.:5432"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseLocal(tt.arg)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.String())
		})
	}
}

func TestParseLocalRefuses(t *testing.T) {
	for _, tt := range []struct{ name, arg, want string }{
		{"a port where the remote host's should be", "3030:1.2.3.4:3038:2027", `-L "3030:1.2.3.4:3038:2027": local port: "1.2.3.4" is not a number`},
		{"a bind address without a port", "1.2.3.4:3030:3038", `-L "1.2.3.4:3030:3038": local port: "1.2.3.4" is not a number`},
		{"letters in a port", "3o3o:h:80", `-L "3o3o:h:80": local port: "3o3o" is not a number`},
		{"a port out of range", "30303030:h:80", `-L "30303030:h:80": local port: 30303030 is over 65535`},
		{"a negative port", "-1:h:80", `-L "-1:h:80": local port: "-1" is not a number`},
		{"port 0 as a remote port", "9000:h:0", `-L "9000:h:0": remote port: 0 is no port to connect to`},
		{"nothing", "", `-L "": is empty`},
		{"a host alone", "h", `-L "h": want [bind:][port:]host:port`},
		{"an empty host", "9000::80", `-L "9000::80": remote host: is empty`},
		{"an empty port", "9000:h:", `-L "9000:h:": remote port: "" is not a number`},
		{"an empty bind address", ":9000:h:80", `-L ":9000:h:80": bind address: is empty; * means all addresses`},
		{"too many parts", "a:1:b:2:c", `-L "a:1:b:2:c": want [bind:][port:]host:port`},
		{"IPv6 without brackets", "9000:fd00::5:80", `-L "9000:fd00::5:80": want [bind:][port:]host:port`},
		{"an open bracket", "[::1:80", `-L "[::1:80": a bracket is not closed`},
		{"brackets around a name", "[h]:80", `-L "[h]:80": "h" in brackets is no IPv6 address`},
		{"text after a bracket", "[::1]x:80", `-L "[::1]x:80": "x:80" follows a bracket`},
		{"a URL", "9000:http//h:80", `-L "9000:http//h:80": remote host: "http//h" is no name and no address`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseLocal(tt.arg)
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestParseHostPort(t *testing.T) {
	for _, tt := range []struct{ arg, want string }{
		{"py-serv:80", "py-serv:80"},
		{"10.0.0.1:22", "10.0.0.1:22"},
		{"[fd00::5]:22", "[fd00::5]:22"},
		{"fd00::5:22", "[fd00::5]:22"}, // ssh's %h:%p
	} {
		got, err := ParseHostPort(tt.arg)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got)
	}
	for _, tt := range []struct{ arg, want string }{
		{"", `address "": is empty`},
		{"h", `address "h": want host:port`},
		{"h:0", `address "h:0": port: 0 is no port to connect to`},
		{"h:http", `address "h:http": port: "http" is not a number`},
		{"9000:h:80", `address "9000:h:80": want host:port`},
		{":80", `address ":80": is empty`},
	} {
		_, err := ParseHostPort(tt.arg)
		assert.EqualError(t, err, tt.want)
	}
}

func TestDistinct(t *testing.T) {
	parse := func(args ...string) (routes []Local) {
		for _, arg := range args {
			l, err := ParseLocal(arg)
			require.NoError(t, err)
			routes = append(routes, l)
		}
		return routes
	}
	assert.NoError(t, Distinct(parse("9000:a:80", "9001:a:80", "0:a:80", "0:a:80")))
	assert.EqualError(t, Distinct(parse("9000:a:80", "9000:b:80")),
		`-L "127.0.0.1:9000:b:80": 127.0.0.1:9000 is listened on already by another -L`)
}

func FuzzParseLocal(f *testing.F) {
	for _, s := range []string{"9000:h:80", "[::1]:9000:[fd00::5]:80", "*:1:h:2", "::::", "[]:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLocal(s)
		if err != nil || l.Bind == "" {
			return
		}
		if ip := l.Bind; len(ip) > 0 {
			again, err := ParseLocal(l.String())
			require.NoError(t, err, "of %q", l.String())
			assert.Equal(t, l, again)
		}
	})
}
