package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/pkg/wire"
)

func TestPlan(t *testing.T) {
	onPod := flags.Target{Target: "pod/x"}
	onAll := flags.Target{Target: "deploy/web"}
	steal, all := flags.Capture{Steal: true}, flags.Capture{AllPods: true}
	mirrored := func(port uint16, to deliver.Destination) deliver.Route {
		return deliver.Route{Port: port, Mode: wire.Mirror, To: to}
	}
	for _, tt := range []struct {
		name    string
		command command
		want    plan
		err     string
	}{
		{
			name:    "a port alone goes to standard output",
			command: command{Target: onPod, Ports: []string{"80"}},
			want:    plan{target: "pod/x", routes: []deliver.Route{mirrored(80, nil)}},
		},
		{
			name:    "one connection after the other",
			command: command{Target: onPod, Ports: []string{"80"}, Keep: true},
			want:    plan{target: "pod/x", keep: true, routes: []deliver.Route{mirrored(80, nil)}},
		},
		{
			name:    "all at once",
			command: command{Target: onPod, Ports: []string{"80"}, Format: "pcap"},
			want:    plan{target: "pod/x", format: "pcap", routes: []deliver.Route{mirrored(80, nil)}},
		},
		{
			name:    "local addresses of all kinds",
			command: command{Target: onPod, Ports: []string{"80:8080", "81:db:5432", "82:unix:/run/x", "83:[::1]:1"}},
			want: plan{target: "pod/x", routes: []deliver.Route{
				mirrored(80, deliver.TCP("127.0.0.1:8080")), mirrored(81, deliver.TCP("db:5432")),
				mirrored(82, deliver.Unix("/run/x")), mirrored(83, deliver.TCP("[::1]:1")),
			}},
		},
		{
			name:    "a command",
			command: command{Target: onPod, Capture: steal, Ports: []string{"80"}, Handler: []string{"sh", "-c", "cat"}},
			want: plan{target: "pod/x", routes: []deliver.Route{
				{Port: 80, Mode: wire.Steal, To: deliver.Command{"sh", "-c", "cat"}},
			}},
		},
		{
			name: "what is asked of the capture",
			command: command{Target: onPod, Ports: []string{"80:8080"}, Capture: flags.Capture{
				Steal: true, Fallback: "pod", ProxyProtocol: true, Filter: flags.Filter{HTTPMethod: []string{"GET"}},
			}},
			want: plan{target: "pod/x", routes: []deliver.Route{{
				Port: 80, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:8080"), ProxyProtocol: true,
				Settings: wire.Settings{Fallback: true, Filter: &wire.Filter{Method: "GET"}},
			}}},
		},
		{
			name:    "all pods",
			command: command{Target: onAll, Capture: all, Ports: []string{"80:8080"}},
			want:    plan{target: "deploy/web", allPods: true, routes: []deliver.Route{mirrored(80, deliver.TCP("127.0.0.1:8080"))}},
		},
		{
			name:    "all pods to standard output, one after the other",
			command: command{Target: onAll, Capture: all, Ports: []string{"80"}, Keep: true},
			want:    plan{target: "deploy/web", allPods: true, keep: true, routes: []deliver.Route{mirrored(80, nil)}},
		},
		{
			name:    "all pods to standard output at once",
			command: command{Target: onAll, Capture: all, Ports: []string{"80"}, Format: "jsonl"},
			want:    plan{target: "deploy/web", allPods: true, format: "jsonl", routes: []deliver.Route{mirrored(80, nil)}},
		},
		{
			name: "one connection of all pods", command: command{Target: onAll, Capture: all, Ports: []string{"80"}},
			err: "--all-pods with a port alone needs -k or --format: there is more than one connection",
		},
		{
			name: "all pods of a pod", command: command{Target: onPod, Capture: all, Ports: []string{"80:8080"}},
			err: "--all-pods needs a target that owns pods, such as -t deploy/web: pod/x is one pod",
		},
		{name: "no target", command: command{Ports: []string{"80"}}, err: "want a target: -t"},
		{name: "no port", command: command{Target: onPod}, err: "want a port of the target"},
		{
			name: "one port twice", command: command{Target: onPod, Ports: []string{"80:1", "80:2"}},
			err: `port 80 of the target has two routes: "80:127.0.0.1:1" and "80:127.0.0.1:2"`,
		},
		{
			name: "two ports alone", command: command{Target: onPod, Ports: []string{"80", "81"}},
			err: "port 80 has no destination, such as 80:8080: standard output is for a port alone",
		},
		{
			name: "a port alone among others", command: command{Target: onPod, Ports: []string{"80:1", "81"}},
			err: "port 81 has no destination, such as 81:8080: standard output is for a port alone",
		},
		{
			name: "a command for two", command: command{Target: onPod, Ports: []string{"80", "81"}, Handler: []string{"sh"}},
			err: "want one port for the command after --, not 2",
		},
		{
			name: "a command and an address", command: command{Target: onPod, Ports: []string{"80:1"}, Handler: []string{"sh"}},
			err: "want either 127.0.0.1:1 or a command after --",
		},
		{
			name: "no command", command: command{Target: onPod, Ports: []string{"80"}, Handler: []string{}},
			err: "want a command after --",
		},
		{
			name: "a command that is not there", command: command{Target: onPod, Ports: []string{"80"}, Handler: []string{"/no/such"}},
			err: `-- /no/such: exec: "/no/such": stat /no/such: no such file or directory`,
		},
		{
			name: "-k of an address", command: command{Target: onPod, Ports: []string{"80:1"}, Keep: true},
			err: "-k is for a port alone: other destinations take connections as they come",
		},
		{
			name: "a format of an address", command: command{Target: onPod, Ports: []string{"80:1"}, Format: "pcap"},
			err: "--format is for a port alone: it says how standard output is written",
		},
		{
			name: "an unknown format", command: command{Target: onPod, Ports: []string{"80"}, Format: "text"},
			err: `--format "text": want jsonl or pcap`,
		},
		{
			name: "-k of a format", command: command{Target: onPod, Ports: []string{"80"}, Format: "pcap", Keep: true},
			err: "want either -k or --format: a format goes on by itself",
		},
		{
			name: "fallback of standard output", command: command{Target: onPod, Ports: []string{"80"}, Capture: flags.Capture{Steal: true, Fallback: "pod"}},
			err: "--fallback is for a local address or a command: standard output takes every connection",
		},
		{
			name: "the caller's address for standard output", command: command{Target: onPod, Ports: []string{"80"}, Capture: flags.Capture{ProxyProtocol: true}},
			err: "--proxy-protocol needs a local address, such as 80:8080",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.command.plan()
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestCutHandler(t *testing.T) {
	for _, tt := range []struct{ args, rest, handler []string }{
		{[]string{"fwd-listen", "80"}, []string{"fwd-listen", "80"}, nil},
		{[]string{"fwd-listen", "80", "--", "sh", "-c", "--", "x"}, []string{"fwd-listen", "80"}, []string{"sh", "-c", "--", "x"}},
		{[]string{"fwd-listen", "80", "--"}, []string{"fwd-listen", "80"}, []string{}},
	} {
		rest, handler := cutHandler(tt.args)
		assert.Equal(t, tt.rest, rest)
		assert.Equal(t, tt.handler, handler)
	}
}

func TestModes(t *testing.T) {
	to, filter := deliver.TCP("127.0.0.1:1"), wire.Settings{Filter: &wire.Filter{Method: "GET"}}
	for _, tt := range []struct {
		plan plan
		want []string
	}{
		{
			plan{routes: []deliver.Route{{Port: 80, Mode: wire.Mirror}}},
			[]string{"mirroring port 80 of deploy/web: the pod still answers (--steal lets the local side answer)"},
		},
		{
			plan{routes: []deliver.Route{{Port: 80, Mode: wire.Mirror, To: to}, {Port: 81, Mode: wire.Mirror, To: to}, {Port: 82, Mode: wire.Mirror, To: to}}},
			[]string{"mirroring ports 80, 81 and 82 of deploy/web: the pod still answers; what the local side answers is dropped (--steal lets it answer)"},
		},
		{
			plan{routes: []deliver.Route{{Port: 80, Mode: wire.Mirror, To: to, Settings: filter}}},
			[]string{"mirroring HTTP requests that match, of port 80 of deploy/web: the pod still answers; what the local side answers is dropped (--steal lets it answer)"},
		},
		{
			plan{routes: []deliver.Route{{Port: 80, Mode: wire.Steal}}},
			[]string{"stealing port 80 of deploy/web: standard input answers instead of the pod"},
		},
		{
			plan{format: "pcap", routes: []deliver.Route{{Port: 80, Mode: wire.Steal}}},
			[]string{"stealing port 80 of deploy/web: nobody answers instead of the pod"},
		},
		{
			plan{allPods: true, routes: []deliver.Route{{Port: 80, Mode: wire.Steal, To: to}}},
			[]string{"stealing port 80 of all pods of deploy/web: the local side answers instead of the pod"},
		},
		{ // a file's filter may be for some ports only
			plan{routes: []deliver.Route{{Port: 80, Mode: wire.Steal, To: to, Settings: filter}, {Port: 81, Mode: wire.Steal, To: to}}},
			[]string{
				"stealing HTTP requests that match, of port 80 of deploy/web: the local side answers them, the pod all others",
				"stealing port 81 of deploy/web: the local side answers instead of the pod",
			},
		},
	} {
		tt.plan.target = "deploy/web"
		assert.Equal(t, tt.want, tt.plan.modes())
	}
}
