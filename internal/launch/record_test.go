package launch

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func someRecord() record {
	return record{
		Version: recordVersion, Cluster: "https://a#00", Namespace: "prod", Pod: "web-1", PodUID: "u", Container: "fwd-agent-x",
		Image: "agent:1", Privileges: noPrivileges, Port: 61234, Seed: newKey().Seed(), Created: now(), State: running,
	}
}

func TestRecordIsKeptForItsOwnerOnly(t *testing.T) {
	s := store{dir: filepath.Join(t.TempDir(), "fwd")}
	r := someRecord()
	require.NoError(t, s.save(r))
	got, ok := s.load(r.key())
	require.True(t, ok)
	assert.Equal(t, r, got)
	if runtime.GOOS == "windows" {
		return
	}
	file, err := os.Stat(s.path(r.key()))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), file.Mode().Perm())
	for _, dir := range []string{s.dir, filepath.Join(s.dir, "agents")} {
		info, err := os.Stat(dir)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	}
}

func TestRecordThatCannotBeReadCountsAsAbsent(t *testing.T) {
	s := store{dir: t.TempDir()}
	r := someRecord()
	for name, text := range map[string]string{
		"torn":            `{"version":1,`,
		"another version": `{"version":2}`,
		"no key":          `{"version":1}`,
	} {
		require.NoError(t, s.save(r))
		require.NoError(t, os.WriteFile(s.path(r.key()), []byte(text), 0o600))
		_, ok := s.load(r.key())
		assert.False(t, ok, name)
		assert.Empty(t, s.all(), name)
	}
	require.NoError(t, s.save(r), "and is replaced")
	_, ok := s.load(r.key())
	assert.True(t, ok)
}

func TestRecordOfAnotherLaunchIsNotDropped(t *testing.T) {
	s := store{dir: t.TempDir()}
	old, young := someRecord(), someRecord()
	young.Container = "fwd-agent-y"
	require.NoError(t, s.save(young))
	s.drop(old)
	_, ok := s.load(young.key())
	assert.True(t, ok)
	s.drop(young)
	_, ok = s.load(young.key())
	assert.False(t, ok)
}

func TestRecordKeysDiffer(t *testing.T) {
	keys := map[string]string{}
	for name, change := range map[string]func(*record){
		"same":        func(*record) {},
		"cluster":     func(r *record) { r.Cluster = "https://b#00" },
		"namespace":   func(r *record) { r.Namespace = "dev" },
		"pod":         func(r *record) { r.PodUID = "v" },
		"targetless":  func(r *record) { r.Job = "j" },
		"image":       func(r *record) { r.Image = "agent:2" },
		"privileges":  func(r *record) { r.Privileges = "more" },
		"node":        func(r *record) { r.Job, r.Entered = "j", &entered{Namespace: "prod", PodUID: "u"} },
		"not by port": func(r *record) { r.Port = 61235 },
	} {
		r := someRecord()
		change(&r)
		keys[r.key()] = name
	}
	assert.Len(t, keys, 8, "all but the port, which is no part of it")
}

func TestDefaultStateDir(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Setenv("LocalAppData", `C:\x`)
		dir, err := DefaultStateDir()
		require.NoError(t, err)
		assert.Equal(t, `C:\x\fwd`, dir)
		return
	}
	t.Setenv("HOME", "/home/jane")
	for xdg, want := range map[string]string{
		"":         "/home/jane/.local/state/fwd",
		"/state":   "/state/fwd",
		"relative": "/home/jane/.local/state/fwd",
	} {
		t.Setenv("XDG_STATE_HOME", xdg)
		dir, err := DefaultStateDir()
		require.NoError(t, err)
		assert.Equal(t, want, dir)
	}
}

func TestRandomPortsAreAboveEverybodyElses(t *testing.T) {
	for range 1000 {
		port := randomPort()
		require.GreaterOrEqual(t, port, 61000)
		require.LessOrEqual(t, port, 65535)
	}
}
