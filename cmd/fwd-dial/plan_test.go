package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/flags"
	"github.com/fwdtools/fwd/internal/route"
)

func TestPlan(t *testing.T) {
	onPod := flags.Target{Target: "pod/x"}
	for _, tt := range []struct {
		name    string
		command command
		want    plan
		err     string
	}{
		{
			name:    "an address is for standard input and output",
			command: command{Address: "db:5432"},
			want:    plan{address: "db:5432"},
		},
		{
			name:    "-L is for local ports",
			command: command{Local: []string{"9000:db:5432", "80:web:80"}},
			want: plan{routes: []route.Local{
				{Bind: "127.0.0.1", Port: 9000, Remote: "db:5432"},
				{Bind: "127.0.0.1", Port: 80, Remote: "web:80"},
			}},
		},
		{
			name:    "without an agent the pod's own ports are reached",
			command: command{Target: onPod, Address: "localhost:80", NoAgent: true},
			want:    plan{address: "localhost:80", noAgent: true},
		},
		{
			name:    "its loopback addresses are as good",
			command: command{Target: onPod, Local: []string{"9000:[::1]:80"}, NoAgent: true},
			want:    plan{routes: []route.Local{{Bind: "127.0.0.1", Port: 9000, Remote: "[::1]:80"}}, noAgent: true},
		},
		{name: "nothing to do", err: "want HOST:PORT or -L"},
		{
			name:    "two things to do",
			command: command{Address: "db:5432", Local: []string{"1:h:2"}},
			err:     `want either HOST:PORT or -L, not "db:5432" and -L`,
		},
		{
			name:    "one local address twice",
			command: command{Local: []string{"1:h:2", "1:i:2"}},
			err:     `-L "127.0.0.1:1:i:2": 127.0.0.1:1 is listened on already by another -L`,
		},
		{
			name:    "without an agent and without a target",
			command: command{Address: "localhost:80", NoAgent: true},
			err:     "--no-agent needs a target: -t",
		},
		{
			name:    "without an agent to another host",
			command: command{Target: onPod, Address: "db:80", NoAgent: true},
			err:     `--no-agent reaches only localhost of the target, not "db"`,
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
