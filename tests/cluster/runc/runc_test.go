package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpecPath(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"create names a bundle", []string{"--root", "/run/r", "create", "--bundle", "/b", "--pid-file", "p", "id"}, "/b/config.json"},
		{"run joins flag and value", []string{"run", "-b=/b", "id"}, "/b/config.json"},
		{"run takes the working directory", []string{"run", "id"}, "config.json"},
		{"exec names a process file", []string{"--log", "l", "exec", "--process", "/p.json", "--detach", "id"}, "/p.json"},
		{"exec of a command line has no file", []string{"exec", "id", "sh"}, ""},
		{"other commands are left alone", []string{"--root", "/run/r", "delete", "id"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, specPath(tt.args))
		})
	}
}

func TestWithoutMissing(t *testing.T) {
	have := map[string]bool{"CAP_CHOWN": true}
	tests := []struct {
		name, in, want string
	}{
		{
			"a bundle loses what the host lacks and nothing else",
			`{"root":{"path":"r"},"process":{"args":["a"],"oomScoreAdj":0,"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"],"ambient":[]}}}`,
			`{"root":{"path":"r"},"process":{"args":["a"],"oomScoreAdj":0,"capabilities":{"bounding":["CAP_CHOWN"],"ambient":[]}}}`,
		},
		{
			"a process file has its capabilities at the top",
			`{"args":["a"],"capabilities":{"effective":["CAP_SYS_RESOURCE"]}}`,
			`{"args":["a"],"capabilities":{"effective":[]}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, changed, err := withoutMissing([]byte(tt.in), have)
			require.NoError(t, err)
			assert.True(t, changed)
			assert.JSONEq(t, tt.want, string(got))
		})
	}
}

func TestWithoutMissingKeepsWhatTheHostHas(t *testing.T) {
	in := `{ "process": {"capabilities":{"bounding":["CAP_CHOWN"]}} }`
	got, changed, err := withoutMissing([]byte(in), map[string]bool{"CAP_CHOWN": true})
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Equal(t, in, string(got))
}

func TestBoundingSet(t *testing.T) {
	status := filepath.Join(t.TempDir(), "status")
	require.NoError(t, os.WriteFile(status, []byte("Name:\tx\nCapBnd:\t000001fffeffffff\n"), 0o600))
	have, err := boundingSet(status)
	require.NoError(t, err)
	assert.True(t, have["CAP_SYS_ADMIN"])
	assert.True(t, have["CAP_CHECKPOINT_RESTORE"])
	assert.False(t, have["CAP_SYS_RESOURCE"])
}
