package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/internal/route"
	"github.com/fwdtools/fwd/pkg/wire"
)

func TestPlan(t *testing.T) {
	onPod := flags.Target{Target: "pod/x"}
	steal := flags.Capture{Steal: true}
	dir := t.TempDir()
	file := func(name, text string) flags.Capture {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return flags.Capture{File: path}
	}
	mirrord := file("mirrord.json", `{"feature": {"network": {"incoming": {
		"mode": "steal", "http_filter": {"method_filter": "POST", "ports": [80]}, "port_mapping": [[9333, 80]], "ignore_ports": [83]
	}}}}`)
	alice := &wire.Filter{Header: &wire.HeaderFilter{Name: "x-user", Value: "^alice$"}}
	for _, tt := range []struct {
		name    string
		command runCommand
		want    job
		err     string
	}{
		{
			name:    "routes both ways",
			command: runCommand{Target: onPod, Local: []string{"9000:db:5432"}, Remote: []string{"80:8080", "81"}},
			want: job{
				locals: []route.Local{{Bind: "127.0.0.1", Port: 9000, Remote: "db:5432"}},
				remotes: []deliver.Route{
					{Port: 80, Mode: wire.Mirror, To: deliver.TCP("127.0.0.1:8080")},
					{Port: 81, Mode: wire.Mirror, To: deliver.TCP("127.0.0.1:81")},
				},
			},
		},
		{
			name:    "-L needs no target",
			command: runCommand{Local: []string{"db:5432"}},
			want:    job{locals: []route.Local{{Bind: "127.0.0.1", Port: 5432, Remote: "db:5432"}}},
		},
		{
			name: "to steal, with a filter, to a unix socket",
			command: runCommand{Target: onPod, Remote: []string{"80:unix:/run/app"}, Capture: flags.Capture{
				Steal: true, Filter: flags.Filter{HTTPHeader: []string{"x-user: ^alice$"}},
			}},
			want: job{remotes: []deliver.Route{{Port: 80, Mode: wire.Steal, To: deliver.Unix("/run/app"), Settings: wire.Settings{Filter: alice}}}},
		},
		{
			name:    "as a file says",
			command: runCommand{Target: onPod, Remote: []string{"80", "81", "82:8082"}, Capture: mirrord},
			want: job{remotes: []deliver.Route{
				{Port: 80, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:9333"), Settings: wire.Settings{Filter: &wire.Filter{Method: "POST"}}},
				{Port: 81, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:81")},
				{Port: 82, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:8082")},
			}, warnings: []string{
				"port 81 is not among http_filter.ports: it is stolen without a filter",
				"port 82 is not among http_filter.ports: it is stolen without a filter",
			}},
		},
		{
			name:    "-R knows better than a file where to go",
			command: runCommand{Target: onPod, Remote: []string{"80:80"}, Capture: mirrord},
			want:    job{remotes: []deliver.Route{{Port: 80, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:80"), Settings: wire.Settings{Filter: &wire.Filter{Method: "POST"}}}}},
		},
		{name: "nothing to do", command: runCommand{Target: onPod}, err: "want -L, -R or a command after --"},
		{name: "-R without a target", command: runCommand{Remote: []string{"80"}, Capture: steal}, err: "-R needs a target: -t"},
		{name: "-L that is none", command: runCommand{Local: []string{"80"}}, err: `-L "80": want [bind:][port:]host:port`},
		{
			name:    "one local address twice",
			command: runCommand{Local: []string{"1:h:2", "1:i:2"}},
			err:     `-L "127.0.0.1:1:i:2": 127.0.0.1:1 is listened on already by another -L`,
		},
		{name: "-R that is none", command: runCommand{Target: onPod, Remote: []string{"h:80"}}, err: `-R "h:80": remote port: "h" is not a number`},
		{
			name:    "one remote port twice",
			command: runCommand{Target: onPod, Remote: []string{"80", "80:8080"}},
			err:     `port 80 of the target has two routes: "80:127.0.0.1:80" and "80:127.0.0.1:8080"`,
		},
		{
			name:    "how to capture, and nothing to capture",
			command: runCommand{Target: onPod, Local: []string{"db:5432"}, Capture: steal},
			err:     "--steal says how -R captures, and there is no -R",
		},
		{
			name:    "all pods, and nothing to capture",
			command: runCommand{Target: onPod, Local: []string{"db:5432"}, Capture: flags.Capture{AllPods: true}},
			err:     "--all-pods says how -R captures, and there is no -R",
		},
		{
			name:    "all pods of a pod",
			command: runCommand{Target: onPod, Remote: []string{"80"}, Capture: flags.Capture{AllPods: true}},
			err:     "--all-pods needs a target that owns pods, such as -t deploy/web: pod/x is one pod",
		},
		{
			name:    "a file that does not want that",
			command: runCommand{Target: onPod, Remote: []string{"83"}, Capture: mirrord},
			err:     mirrord.File + ": feature.network.incoming.ignore_ports has 83: it is not captured",
		},
		{
			name:    "a file that cannot be honoured",
			command: runCommand{Target: onPod, Remote: []string{"80"}, Capture: file("new.json", `{"feature": {"network": {"incoming": {"new": 1}}}}`)},
			err:     filepath.Join(dir, "new.json") + ": feature.network.incoming.new is not known",
		},
		{
			name:    "a command that is not there",
			command: runCommand{Command: []string{"no-such-program-of-fwd", "-x"}},
			err:     `command "no-such-program-of-fwd": executable file not found in $PATH`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.command.plan()
			if tt.err != "" {
				assert.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestPlanFindsTheCommand(t *testing.T) {
	c := runCommand{Command: []string{"go", "version"}}
	got, err := c.plan()
	require.NoError(t, err)
	require.NotNil(t, got.child)
	assert.Equal(t, []string{"go", "version"}, got.child.args)
	assert.True(t, filepath.IsAbs(got.child.path))
}
