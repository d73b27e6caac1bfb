package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHashOfTellsWherePartsEnd(t *testing.T) {
	assert.Equal(t, hashOf("a", "b"), hashOf("a", "b"))
	assert.NotEqual(t, hashOf("ab", ""), hashOf("a", "b"))
}

func TestHashTreeIsTheSameInTwoCheckouts(t *testing.T) {
	write := func(name, text string) string {
		dir := t.TempDir()
		path := filepath.Join(dir, "sub", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		hash, err := hashTree(dir)
		require.NoError(t, err)
		return hash
	}
	first := write("go.mod", "module a")
	assert.Equal(t, first, write("go.mod", "module a"))
	assert.NotEqual(t, first, write("go.mod", "module b"), "other content")
	assert.NotEqual(t, first, write("go.sum", "module a"), "other name")
}

func TestKindConfigHoldsOnlyWhatTheHostNeeds(t *testing.T) {
	const head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"
	assert.Equal(t, head, kindConfig(kindest, host{}))
	assert.Contains(t, kindConfig("fwd-node:x", host{}), "disableDefaultCNI: true")
	assert.Contains(t, kindConfig(kindest, host{cgroupV1: true}), "failCgroupV1: false")
	assert.Contains(t, kindConfig(kindest, host{noSysResource: true}), "restrict_oom_score_adj = true")
}

func TestMissingPackages(t *testing.T) {
	engine := []string{"docker.io", "runc", "iptables"}
	bootstrap := []string{"mmdebstrap", "debian-archive-keyring"}
	tests := []struct {
		name    string
		answers bool
		have    []string
		want    []string
	}{
		{"a bare machine needs everything", false, nil, append(engine, bootstrap...)},
		{"an engine that answers is enough", true, []string{"mmdebstrap"}, nil},
		{"a stopped engine stays", false, []string{"dockerd", "mmdebstrap"}, nil},
		{"another vendor's engine stays", true, nil, bootstrap},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			have := make(map[string]bool)
			for _, command := range tt.have {
				have[command] = true
			}
			assert.Equal(t, tt.want, missingPackages(tt.answers, func(c string) bool { return have[c] }))
		})
	}
}

func TestStalePID(t *testing.T) {
	proc := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(proc, "7"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "7", "comm"), []byte("dockerd\n"), 0o644))
	pidFile := filepath.Join(proc, "docker.pid")
	stale := func(pid, command string) bool {
		require.NoError(t, os.WriteFile(pidFile, []byte(pid), 0o644))
		return stalePID(pidFile, command, proc)
	}
	assert.False(t, stalePID(filepath.Join(proc, "none"), "dockerd", proc), "no pid file")
	assert.False(t, stale("7", "dockerd"), "it runs")
	assert.True(t, stale("8\n", "dockerd"), "nothing has that number")
	assert.True(t, stale("7", "containerd"), "another command has that number")
}

func TestLacksSysResource(t *testing.T) {
	lacks := func(mask string) bool {
		status := filepath.Join(t.TempDir(), "status")
		require.NoError(t, os.WriteFile(status, []byte("CapBnd:\t"+mask+"\n"), 0o644))
		return lacksSysResource(status)
	}
	assert.False(t, lacks("000001ffffffffff"))
	assert.True(t, lacks("000001fffeffffff"))
	assert.False(t, lacksSysResource("/none"), "no procfs: the engine is elsewhere")
}

func TestTogetherReturnsTheFirstError(t *testing.T) {
	want := errors.New("first")
	err := together(context.Background(),
		func(context.Context) error { return want },
		func(ctx context.Context) error { <-ctx.Done(); return errors.New("killed") })
	assert.Equal(t, want, err)
	assert.NoError(t, together(context.Background(), func(context.Context) error { return nil }))
}

func TestModeOf(t *testing.T) {
	assert.EqualValues(t, 0o755, modeOf("usr/local/bin/entrypoint"))
	assert.EqualValues(t, 0o644, modeOf("etc/systemd/system/kubelet.service"))
}

func TestDockerfileOf(t *testing.T) {
	tests := map[string]string{
		"r/pause:3.10.2":           "pause",
		"r/coredns/coredns:v1":     "coredns",
		"r/kube-apiserver:v1.36.3": "control-plane",
		"r/etcd:3.6.8-0":           "control-plane",
	}
	for tag, want := range tests {
		assert.Equal(t, want, dockerfileOf(tag), tag)
	}
}

func TestKubernetesVersion(t *testing.T) {
	flags := kubernetesVersion("v1.36.3")
	assert.Contains(t, flags, "component-base/version.gitVersion=v1.36.3")
	assert.Contains(t, flags, "component-base/version.gitMajor=1 ")
	assert.Contains(t, flags, "client-go/pkg/version.gitMinor=36 ")
}
