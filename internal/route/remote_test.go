package route

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRemote(t *testing.T) {
	tcp := func(addr string) Address { return Address{"tcp", addr} }
	for _, tt := range []struct {
		name, arg string
		want      Remote
	}{
		{"one number means both", "80", Remote{80, tcp("127.0.0.1:80")}},
		{"a local port may differ", "80:8080", Remote{80, tcp("127.0.0.1:8080")}},
		{"another host", "80:build-box:8080", Remote{80, tcp("build-box:8080")}},
		{"IPv6 stands in brackets", "80:[::1]:8080", Remote{80, tcp("[::1]:8080")}},
		{"a unix socket", "80:unix:/run/app.sock", Remote{80, Address{"unix", "/run/app.sock"}}},
		{"a unix socket of this directory", "80:unix:./app.sock", Remote{80, Address{"unix", "./app.sock"}}},
		{"its path may have colons", "80:unix:/run/a:80", Remote{80, Address{"unix", "/run/a:80"}}},
		{"an abstract socket", "80:unix:@app", Remote{80, Address{"unix", "@app"}}},
		{"the last port", "65535:1", Remote{65535, tcp("127.0.0.1:1")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRemote(tt.arg)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			again, err := ParseRemote(got.String())
			require.NoError(t, err)
			assert.Equal(t, got, again)
		})
	}
}

func TestParseRemoteRefuses(t *testing.T) {
	const form = "want [remote:]port, remote:host:port or remote:unix:/path"
	for _, tt := range []struct{ arg, err string }{
		{"", `-R "": is empty`},
		{"0", `-R "0": remote port: 0 is no port to connect to`},
		{"http", `-R "http": remote port: "http" is not a number`},
		{"65536", `-R "65536": remote port: 65536 is over 65535`},
		{"-1", `-R "-1": remote port: "-1" is not a number`},
		{":8080", `-R ":8080": remote port: "" is not a number`},
		{"80:", `-R "80:": local port: is empty`},
		{"80:0", `-R "80:0": local port: 0 is no port to connect to`},
		{"80:web", `-R "80:web": local port: "web" is not a number`},
		{"80::8080", `-R "80::8080": local host: is empty`},
		{"80:h:", `-R "80:h:": local port: "" is not a number`},
		{"80:a b:1", `-R "80:a b:1": local host: "a b" is no name and no address`},
		{"80:h:1:2", `-R "80:h:1:2": ` + form},
		{"80:::1:8080", `-R "80:::1:8080": ` + form},
		{"80:[::1:8080", `-R "80:[::1:8080": a bracket is not closed`},
		{"localhost:8080", `-R "localhost:8080": remote port: "localhost" is not a number`},
		{"80:unix:", `-R "80:unix:": local path: is empty`},
		{"80:unix:8080", `-R "80:unix:8080": local path: "8080" has no slash; a file of this directory is ./8080`},
		{"80:unix:/" + strings.Repeat("x", 107), `-R "80:unix:/` + strings.Repeat("x", 107) + `": local path: is over 107 bytes`},
	} {
		t.Run(tt.arg, func(t *testing.T) {
			_, err := ParseRemote(tt.arg)
			assert.EqualError(t, err, tt.err)
		})
	}
}

func TestParseListen(t *testing.T) {
	got, err := ParseListen("80")
	require.NoError(t, err)
	assert.Equal(t, Remote{Port: 80}, got, "it goes where the command line says")
	assert.True(t, got.To.IsZero())
	assert.Equal(t, "80", got.String())

	got, err = ParseListen("80:8080")
	require.NoError(t, err)
	assert.Equal(t, "80:127.0.0.1:8080", got.String())

	_, err = ParseListen("80:web")
	assert.EqualError(t, err, `port "80:web": local port: "web" is not a number`)
}

func TestDistinctRemote(t *testing.T) {
	parse := func(args ...string) (routes []Remote) {
		for _, arg := range args {
			r, err := ParseRemote(arg)
			require.NoError(t, err)
			routes = append(routes, r)
		}
		return routes
	}
	assert.NoError(t, DistinctRemote(parse("80:8080", "81:8080")), "one local server may answer for two ports")
	assert.EqualError(t, DistinctRemote(parse("80:8080", "81", "80:9090")),
		`port 80 of the target has two routes: "80:127.0.0.1:8080" and "80:127.0.0.1:9090"`)
}
