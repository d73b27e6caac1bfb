package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/pkg/wire"
)

func TestModeIsSaid(t *testing.T) {
	post := wire.Settings{Filter: &wire.Filter{Method: "POST"}}
	plain := deliver.Route{Port: 80, To: deliver.TCP("127.0.0.1:8080")}
	filtered := deliver.Route{Port: 81, To: deliver.Unix("/run/app"), Settings: post}
	for _, tt := range []struct {
		mode   wire.Mode
		routes []deliver.Route
		want   string
	}{
		{wire.Mirror, []deliver.Route{plain}, "mirroring: the pod still answers; what the local side answers is dropped (--steal lets it answer)"},
		{wire.Mirror, []deliver.Route{filtered}, "mirroring HTTP requests that match: the pod still answers; what the local side answers is dropped (--steal lets it answer)"},
		{wire.Steal, []deliver.Route{plain}, "stealing: the local side answers instead of the pod"},
		{wire.Steal, []deliver.Route{plain, filtered}, "stealing: the local side answers instead of the pod"},
		{wire.Steal, []deliver.Route{filtered}, "stealing HTTP requests that match: the local side answers them, the pod all others"},
	} {
		for i := range tt.routes {
			tt.routes[i].Mode = tt.mode
		}
		assert.Equal(t, tt.want, job{remotes: tt.routes}.mode())
	}
}

func TestDescribe(t *testing.T) {
	r := deliver.Route{Port: 80, Mode: wire.Steal, To: deliver.TCP("127.0.0.1:8080")}
	assert.Equal(t, "pod/x:80 -> 127.0.0.1:8080 (steal)", describe("x", r))
	r.Settings.Filter = &wire.Filter{Method: "POST"}
	assert.Equal(t, "pod/x:80 -> 127.0.0.1:8080 (steal, filtered)", describe("x", r))
}
