package mirrord

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// incoming is a JSON file with a section.
func incoming(section string) string {
	return `{"feature": {"network": {"incoming": ` + section + `}}}`
}

func steal(filter string) string { return incoming(`{"mode": "steal", "http_filter": ` + filter + `}`) }

func line(s string) wire.Filter { return wire.Filter{HeaderLine: s} }

func TestRead(t *testing.T) {
	t.Setenv("FWD_TEST_USER", "alice")
	user := line("^x-user: alice$")
	for _, tt := range []struct {
		name, file, text string
		want             Capture // of port 80
	}{
		{"the short form", "m.json", incoming(`"steal"`), Capture{Mode: wire.Steal, Local: 80}},
		{"mirror is the default", "m.json", incoming(`{}`), Capture{Mode: wire.Mirror, Local: 80}},
		{"true is the default", "m.json", incoming(`true`), Capture{Mode: wire.Mirror, Local: 80}},
		{"a name without an ending is JSON", "mirrord", incoming(`"mirror"`), Capture{Mode: wire.Mirror, Local: 80}},
		{"null is as if it were not there", "m.json", incoming(`{"mode": null, "http_filter": null, "ports": null}`), Capture{Mode: wire.Mirror, Local: 80}},
		{"no filter", "m.json", steal(`false`), Capture{Mode: wire.Steal, Local: 80}},
		{"a header", "m.json", steal(`{"header_filter": "^x-user: alice$"}`), Capture{Mode: wire.Steal, Local: 80, Filter: &user}},
		{
			"an expression that looks ahead", "m.json", steal(`{"header_filter": "^User-Agent: (?!kube-probe)"}`),
			Capture{Mode: wire.Steal, Local: 80, Filter: &wire.Filter{HeaderLine: "^User-Agent: (?!kube-probe)"}},
		},
		{"a path, whatever the case", "m.json", steal(`{"path_filter": "^/api/"}`), Capture{Mode: wire.Steal, Local: 80, Filter: &wire.Filter{Path: "(?i)^/api/"}}},
		{"a method", "m.json", steal(`{"method_filter": "post"}`), Capture{Mode: wire.Steal, Local: 80, Filter: &wire.Filter{Method: "post"}}},
		{
			"methods", "m.json", steal(`{"method_filter": ["POST", "PUT"]}`),
			Capture{Mode: wire.Steal, Local: 80, Filter: &wire.Filter{Any: []wire.Filter{{Method: "POST"}, {Method: "PUT"}}}},
		},
		{
			"all of several", "m.json", steal(`{"all_of": [{"header": "^x-user: alice$"}, {"path": "^/api"}, {"method": "POST"}]}`),
			Capture{Mode: wire.Steal, Local: 80, Filter: &wire.Filter{All: []wire.Filter{user, {Path: "(?i)^/api"}, {Method: "POST"}}}},
		},
		{
			"any of several, for a mirror", "m.json", incoming(`{"http_filter": {"any_of": [{"path": "^/api"}, {"header": "^x-user: alice$"}]}}`),
			Capture{Mode: wire.Mirror, Local: 80, Filter: &wire.Filter{Any: []wire.Filter{{Path: "(?i)^/api"}, user}}},
		},
		{"a filter of these ports", "m.json", steal(`{"header_filter": "^x-user: alice$", "ports": [80, 8080]}`), Capture{Mode: wire.Steal, Local: 80, Filter: &user}},
		{"a filter of one port", "m.json", steal(`{"header_filter": "^x-user: alice$", "ports": 80}`), Capture{Mode: wire.Steal, Local: 80, Filter: &user}},
		{"a filter of other ports", "m.json", steal(`{"header_filter": "^x-user: alice$", "ports": [8080]}`), Capture{Mode: wire.Steal, Local: 80, Unfiltered: true}},
		{"another local port", "m.json", incoming(`{"port_mapping": [[9333, 80], [1, 2]]}`), Capture{Mode: wire.Mirror, Local: 9333}},
		{"another local port that is another one", "m.json", incoming(`{"port_mapping": [[9333, 80]], "listen_ports": [[9333, 4480]]}`), Capture{Mode: wire.Mirror, Local: 4480}},
		{"a local port that is another one", "m.json", incoming(`{"listen_ports": [[80, 4480]]}`), Capture{Mode: wire.Mirror, Local: 4480}},
		{"one of the ports", "m.json", incoming(`{"ports": [80]}`), Capture{Mode: wire.Mirror, Local: 80}},
		{"none of the ports that are left alone", "m.json", incoming(`{"ignore_ports": [81]}`), Capture{Mode: wire.Mirror, Local: 80}},
		{
			"a port of the filter need not be among the ports", "m.json",
			incoming(`{"ports": [81], "http_filter": {"header_filter": "^x-user: alice$", "ports": [80]}}`), Capture{Mode: wire.Mirror, Local: 80, Filter: &user},
		},
		{
			"what changes nothing", "m.json", incoming(`{"ignore_localhost": false, "on_concurrent_steal": "abort"}`),
			Capture{Mode: wire.Mirror, Local: 80},
		},
		{
			"other sections are not looked at", "m.json", `{
				"$schema": "https://…", "accept_invalid_certificates": false, "nonsense": [1],
				"target": {"path": "deploy/x", "namespace": 7},
				"agent": {"ephemeral": true},
				"feature": {"env": true, "fs": "read", "network": {"dns": true, "outgoing": {"tcp": 1}, "incoming": "steal"}}
			}`, Capture{Mode: wire.Steal, Local: 80},
		},
		{
			"a template", "m.json", `{"target": "{{ get_env(name="FWD_TEST_NONE", default="pod/x") }}", "feature": {"network": {"incoming":
				{"http_filter": {"header_filter": "^x-user: {{ get_env(name='FWD_TEST_USER') }}$"}}}}}`,
			Capture{Mode: wire.Mirror, Local: 80, Filter: &user},
		},
		{
			"TOML", "m.toml", `
target = "deploy/x"
[feature.network.incoming]
mode = "steal"
port_mapping = [[9333, 80]]
[feature.network.incoming.http_filter]
ports = [80]
all_of = [{ header = '^x-user: alice$' }, { method = "GET" }]
`, Capture{Mode: wire.Steal, Local: 9333, Filter: &wire.Filter{All: []wire.Filter{user, {Method: "GET"}}}},
		},
		{
			"YAML", "m.yaml", `
# comments are fine here
feature:
  env: { 1: x }
  network:
    incoming:
      mode: steal
      ports: [80]
      http_filter:
        any_of:
          - header: '^x-user: alice$'
          - method: GET
`, Capture{Mode: wire.Steal, Local: 80, Filter: &wire.Filter{Any: []wire.Filter{user, {Method: "GET"}}}},
		},
		{"YAML in short", "m.YML", "feature: {network: {incoming: steal}}", Capture{Mode: wire.Steal, Local: 80}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Read(tt.file, []byte(tt.text))
			require.NoError(t, err)
			got, err := c.For(80)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	const at = "feature.network.incoming"
	for _, tt := range []struct{ name, file, text, err string }{
		{"no such section", "m.json", `{"feature": {"network": true}}`, "it has no " + at},
		{"nothing", "m.yaml", ``, "it has no " + at},
		{"nothing, as JSON", "m.json", ``, "it ends too early for JSON"},
		{"half a file", "m.json", `{"feature": {`, "it ends too early for JSON"},
		{"two objects", "m.json", incoming(`"steal"`) + `{}`, "more follows the end of its object"},
		{"two documents", "m.yaml", "feature: {}\n---\nfeature: {}\n", "more than one document"},
		{"no object", "m.json", `[1]`, "it is no object"},
		{"a key twice", "m.json", incoming(`{"mode": "mirror", "mode": "steal"}`), at + ".mode is there twice"},
		{"no mode", "m.json", incoming(`"Steal"`), at + `: "Steal" is none of mirror, steal, off`},
		{"no mode either", "m.json", incoming(`{"mode": true}`), at + `.mode: "true" is none of mirror, steal, off`},
		{"a number", "m.json", incoming(`1`), at + ": want mirror, steal, off or an object"},
		{"a key of a later version", "m.json", incoming(`{"mode": "steal", "new": 1}`), at + ".new is not known"},
		{"a misspelled filter", "m.json", incoming(`{"mode": "steal", "http_filters": {}}`), at + ".http_filters is not known"},
		{"a filter of long ago", "m.json", incoming(`{"http_header_filter": {"filter": "x"}}`), at + ".http_header_filter is not known"},
		{"a local address", "m.json", incoming(`{"ignore_localhost": true}`), at + ".ignore_localhost: true: there is no local program whose bind address would be seen"},
		{"to take a port from someone", "m.json", incoming(`{"on_concurrent_steal": "override"}`), at + ".on_concurrent_steal: override: who holds a port keeps it"},
		{"TLS", "m.json", incoming(`{"tls_delivery": {"protocol": "tcp"}}`), at + ".tls_delivery: TLS is not taken off here"},
		{"an empty filter", "m.json", steal(`{}`), at + ".http_filter has no condition"},
		{"ports of no filter", "m.json", steal(`{"ports": [80]}`), at + ".http_filter has no condition"},
		{"a filter that is only said to be", "m.json", steal(`true`), at + ".http_filter: true: want an object with a condition"},
		{"a misspelled condition", "m.json", steal(`{"headers_filter": "x"}`), at + ".http_filter.headers_filter is not known"},
		{
			"two conditions", "m.json", steal(`{"header_filter": "x", "path_filter": "y"}`),
			at + ".http_filter has header_filter and path_filter: want one of them; all_of and any_of combine several",
		},
		{"an empty condition", "m.json", steal(`{"header_filter": ""}`), at + ".http_filter.header_filter is empty"},
		{"a condition that is no text", "m.json", steal(`{"path_filter": 1}`), at + ".http_filter.path_filter: 1 is no text"},
		{"jq", "m.json", steal(`{"header_filter": {"query": "."}}`), at + ".http_filter.header_filter.query: jq is not spoken here"},
		{"no method", "m.json", steal(`{"method_filter": []}`), at + ".http_filter.method_filter is empty"},
		{"an empty method", "m.json", steal(`{"method_filter": ["GET", ""]}`), at + ".http_filter.method_filter[1] is empty"},
		{"a list of lists", "m.json", steal(`{"method_filter": [["GET"]]}`), at + ".http_filter.method_filter[0]: [GET] is no text"},
		{"a body", "m.json", steal(`{"body_filter": {"body": "json"}}`), at + ".http_filter.body_filter: bodies are not looked at"},
		{"no condition of all", "m.json", steal(`{"all_of": []}`), at + ".http_filter.all_of is empty"},
		{"no list", "m.json", steal(`{"any_of": {"path": "x"}}`), at + ".http_filter.any_of: want a list of conditions"},
		{"an item that is empty", "m.json", steal(`{"any_of": [{"path": "x"}, {}]}`), at + ".http_filter.any_of[1] has 0 conditions instead of one"},
		{"an item with two conditions", "m.json", steal(`{"any_of": [{"path": "x", "method": "GET"}]}`), at + ".http_filter.any_of[0] has 2 conditions instead of one"},
		{"an item that is misspelled", "m.json", steal(`{"all_of": [{"header_filter": "x"}]}`), at + ".http_filter.all_of[0].header_filter is not known"},
		{"an item that is a body", "m.json", steal(`{"all_of": [{"body": "json", "query": "$", "matches": "x"}]}`), at + ".http_filter.all_of[0].body: bodies are not looked at"},
		{"a list in a list", "m.json", steal(`{"all_of": [{"any_of": [{"path": "x"}]}]}`), at + ".http_filter.all_of[0].any_of is not known"},
		{"a filter of no port", "m.json", steal(`{"path_filter": "x", "ports": []}`), at + ".http_filter.ports is empty"},
		{"port 0", "m.json", incoming(`{"ports": [80, 0]}`), at + ".ports[1]: 0 is no port"},
		{"half a port", "m.json", incoming(`{"ports": [80.5]}`), at + ".ports[0]: 80.5 is no port"},
		{"a port in quotes", "m.yaml", "feature: {network: {incoming: {ports: ['80']}}}", at + ".ports[0]: 80 is no port"},
		{"a port that is too high", "m.toml", "[feature.network.incoming]\nports = [65536]", at + ".ports[0]: 65536 is no port"},
		{"ports and others", "m.json", incoming(`{"ports": [80], "ignore_ports": [81]}`), at + ".ports and feature.network.incoming.ignore_ports exclude each other"},
		{"half a pair", "m.json", incoming(`{"port_mapping": [[80]]}`), at + ".port_mapping[0]: want two ports"},
		{"a port to two", "m.json", incoming(`{"port_mapping": [[8080, 80], [9090, 80]]}`), at + ".port_mapping[1]: port 80 is there twice"},
		{"a template beyond us", "m.json", `{"key": "{{ key }}"}`, "template {{ key }}: only get_env is known"},
		{"a template's filter", "m.json", `{"a": "{{ get_env(name="X") | lower }}"}`, `template {{ get_env(name="X") | lower }}: only get_env is known`},
		{"a template's block", "m.json", `{% if x %}{% endif %}`, "template {% if x %}: only get_env is known"},
		{"a variable that is not set", "m.json", `{"a": "{{ get_env(name="FWD_TEST_NONE") }}"}`, `template {{ get_env(name="FWD_TEST_NONE") }}: FWD_TEST_NONE is not set`},
		{"no variable", "m.json", `{"a": "{{ get_env() }}"}`, `template {{ get_env() }}: get_env without a name`},
		{"something else of a variable", "m.json", `{"a": "{{ get_env(x="y") }}"}`, `template {{ get_env(x="y") }}: want get_env(name="NAME", default="VALUE")`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(tt.file, []byte(tt.text))
			assert.EqualError(t, err, tt.file+": "+tt.err)
		})
	}
	for _, file := range []string{"m.toml", "m.yaml"} {
		_, err := Read(file, []byte("feature: [\n"))
		assert.ErrorContains(t, err, file+": ")
	}
	_, err := Read("m.json", []byte("{\n// a comment\n}"))
	assert.ErrorContains(t, err, "m.json: line 2: ")
	_, err = Read("m.yaml", []byte("feature:\n  network: 1\n  network: 2\n"))
	assert.ErrorContains(t, err, "already defined", "a key twice in YAML")
}

func TestForRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, err string }{
		{"off", incoming(`"off"`), "feature.network.incoming is off: nothing is captured"},
		{"false", incoming(`false`), "feature.network.incoming is off: nothing is captured"},
		{"another port", incoming(`{"ports": [81]}`), "feature.network.incoming.ports has no 80: it is not captured"},
		{"another port, though there is a filter", incoming(`{"ports": [81], "http_filter": {"path_filter": "x"}}`), "feature.network.incoming.ports has no 80: it is not captured"},
		{"a port that is left alone", incoming(`{"ignore_ports": [80]}`), "feature.network.incoming.ignore_ports has 80: it is not captured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Read("m.json", []byte(tt.text))
			require.NoError(t, err)
			_, err = c.For(80)
			assert.EqualError(t, err, tt.err)
		})
	}
}
