package flags

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/pkg/wire"
)

func header(name, value string) wire.Filter {
	return wire.Filter{Header: &wire.HeaderFilter{Name: name, Value: value}}
}

func not(f wire.Filter) wire.Filter { return wire.Filter{Not: &f} }

func TestFilter(t *testing.T) {
	alice := header("x-user", "^alice$")
	for _, tt := range []struct {
		name  string
		flags Filter
		want  *wire.Filter
		err   string
	}{
		{name: "none"},
		{name: "one", flags: Filter{HTTPHeader: []string{"x-user: ^alice$"}}, want: &alice},
		{name: "no space after the colon", flags: Filter{HTTPHeader: []string{"x-user:^alice$"}}, want: &alice},
		{
			name:  "all must match",
			flags: Filter{HTTPHeader: []string{"x-user: ^alice$", "a: b: c"}, NotHTTPPath: []string{"^/health"}, HTTPMethod: []string{"GET"}},
			want:  &wire.Filter{All: []wire.Filter{alice, header("a", "b: c"), {Method: "GET"}, not(wire.Filter{Path: "^/health"})}},
		},
		{
			name:  "one is enough",
			flags: Filter{HTTPMethod: []string{"GET", "HEAD"}, NotHTTPHeader: []string{"x-user: ^alice$"}, NotHTTPMethod: []string{"PUT"}, Any: true},
			want:  &wire.Filter{Any: []wire.Filter{{Method: "GET"}, {Method: "HEAD"}, not(alice), not(wire.Filter{Method: "PUT"})}},
		},
		{name: "--any of one", flags: Filter{HTTPPath: []string{"/"}, Any: true}, want: &wire.Filter{Path: "/"}},
		{name: "--any of nothing", flags: Filter{Any: true}, err: "--any needs conditions, such as --http-header"},
		{name: "no colon", flags: Filter{HTTPHeader: []string{"x-user"}}, err: `--http-header "x-user": want NAME: REGEXP`},
		{name: "no name", flags: Filter{HTTPHeader: []string{": x"}}, err: `--http-header ": x": "" is no name of a header field`},
		{name: "a name with a space", flags: Filter{NotHTTPHeader: []string{"x user: x"}}, err: `--not-http-header "x user: x": "x user" is no name of a header field`},
		{name: "no value", flags: Filter{HTTPHeader: []string{"x-user: "}}, err: `--http-header "x-user: ": the regular expression is empty; . stands for any value`},
		{name: "no path", flags: Filter{HTTPPath: []string{""}}, err: `--http-path "": the regular expression is empty`},
		{name: "no method", flags: Filter{HTTPMethod: []string{"GET /"}}, err: `--http-method "GET /": is no HTTP method`},
		{name: "two methods at once", flags: Filter{HTTPMethod: []string{"GET", "PUT"}}, err: "--http-method: no request has two methods; with --any one of the conditions is enough"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.flags.Wire()
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
	_, err := Filter{HTTPPath: []string{"("}}.Wire()
	assert.ErrorContains(t, err, `--http-path "(": `)
}

func TestCapture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mirrord.json")
	text := `{"feature": {"network": {"incoming": {"mode": "steal", "http_filter": {"path_filter": "^/api", "ports": [80]}, "port_mapping": [[81, 8080]]}}}}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	to := deliver.TCP("127.0.0.1:8080")
	for _, tt := range []struct {
		name   string
		target string // deploy/web
		flags  Capture
		route  deliver.Route
		want   deliver.Route
		warns  string
		err    string
	}{
		{name: "mirror is the default", want: deliver.Route{Mode: wire.Mirror}},
		{name: "mirror", flags: Capture{Mirror: true, ProxyProtocol: true}, route: deliver.Route{To: to}, want: deliver.Route{To: to, Mode: wire.Mirror, ProxyProtocol: true}},
		{
			name:  "steal",
			flags: Capture{Steal: true, Fallback: "pod", ResetExisting: true, Forwarded: true, Filter: Filter{HTTPPath: []string{"/"}}},
			want: deliver.Route{Mode: wire.Steal, Settings: wire.Settings{
				Fallback: true, ResetExisting: true, Forwarded: true, Filter: &wire.Filter{Path: "/"},
			}},
		},
		{name: "fallback to what", flags: Capture{Steal: true, Fallback: "app"}, err: `--fallback "app": want pod`},
		{name: "fallback of a mirror", flags: Capture{Fallback: "pod"}, err: "--fallback needs --steal: a mirror changes nothing in the pod"},
		{name: "reset of a mirror", flags: Capture{ResetExisting: true}, err: "--reset-existing needs --steal: a mirror changes nothing in the pod"},
		{name: "fields of a mirror", flags: Capture{Forwarded: true}, err: "--forwarded needs --steal: a mirror changes nothing in the pod"},
		{name: "header to nowhere", flags: Capture{ProxyProtocol: true}, route: deliver.Route{Port: 80}, err: "--proxy-protocol needs a local address, such as 80:8080"},
		{name: "all pods", flags: Capture{AllPods: true}, want: deliver.Route{Mode: wire.Mirror}},
		{
			name: "all pods of a pod", target: "x", flags: Capture{AllPods: true},
			err: "--all-pods needs a target that owns pods, such as -t deploy/web: pod/x is one pod",
		},
		{name: "a broken filter", flags: Capture{Filter: Filter{HTTPPath: []string{""}}}, err: `--http-path "": the regular expression is empty`},
		{
			name: "a file", flags: Capture{File: path}, route: deliver.Route{Port: 80},
			want: deliver.Route{Port: 80, Mode: wire.Steal, Settings: wire.Settings{Filter: &wire.Filter{Path: "(?i)^/api"}}},
		},
		{
			name: "a port that the file maps", flags: Capture{File: path}, route: deliver.Route{Port: 8080},
			want:  deliver.Route{Port: 8080, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:81")},
			warns: "port 8080 is not among http_filter.ports: it is stolen without a filter",
		},
		{
			name: "but not for a destination", flags: Capture{File: path, Steal: true}, route: deliver.Route{Port: 8080, To: to},
			want:  deliver.Route{Port: 8080, Mode: wire.Steal, To: to},
			warns: "port 8080 is not among http_filter.ports: it is stolen without a filter",
		},
		{name: "a file and another mode", flags: Capture{File: path, Mirror: true}, err: "want either --mirror or -f: " + path + " says steal"},
		{name: "a file and a filter", flags: Capture{File: path, Filter: Filter{HTTPMethod: []string{"GET"}}}, err: "want either -f or --http-method: the filter is in the file"},
		{name: "no file", flags: Capture{File: path + "5"}, err: "-f: open " + path + "5: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			routes := []deliver.Route{tt.route}
			target := Target{Target: "deploy/web"}
			if tt.target != "" {
				target.Target = tt.target
			}
			warnings, err := tt.flags.Fill(target, routes)
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, routes[0])
			assert.Equal(t, tt.warns, strings.Join(warnings, "\n"))
		})
	}
}
