package enter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	uid = "c996fed0-f881-4c8d-920e-a8e341b75931"
	id  = "3a5ed72ce270df4ee10d2f70fe3d152349ada1d19dede5d0381fc6842a4cd4af"
)

// proc is a /proc of processes with a cgroup and a start time.
func proc(t *testing.T, all map[int]struct {
	cgroup string
	start  int
}) string {
	root := t.TempDir()
	for pid, p := range all {
		dir := filepath.Join(root, fmt.Sprint(pid))
		require.NoError(t, os.Mkdir(dir, 0o755))
		stat := fmt.Sprintf("%d (a) b (c) S %s%d 0 0\n", pid, strings.Repeat("0 ", 18), p.start)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup"), []byte(p.cgroup), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "self"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(root, "1000"), 0o755), "one that ended")
	return root
}

func TestPodOwns(t *testing.T) {
	p := Pod{UID: uid, Container: id}
	slice := strings.ReplaceAll(uid, "-", "_")
	for name, tt := range map[string]struct {
		cgroup             string
		inPod, inContainer bool
	}{
		"v2, systemd":           {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice/cri-containerd-" + id + ".scope", true, true},
		"v2, cgroupfs":          {"0::/kubepods/besteffort/pod" + uid + "/" + id, true, true},
		"v2, seen from another": {"0::/../../kubepods-pod" + slice + ".slice/crio-" + id + ".scope", true, true},
		"v2, below":             {"0::/kubepods/pod" + uid + "/" + id + "/init.scope", true, true},
		"v1":                    {"9:name=systemd:/kubelet/kubepods/pod" + uid + "/" + id + "\n8:pids:/kubelet/kubepods/pod" + uid + "/" + id + "\n0::/", true, true},
		"pause":                 {"0::/kubepods/pod" + uid + "/cri-containerd-f00.scope", true, false},
		"containerd alone":      {"0::/system.slice:cri-containerd:" + id, false, true},
		"another pod":           {"0::/kubepods/pod0a996fed0-f881/cri-containerd-f00.scope", false, false},
		"the node":              {"0::/system.slice/kubelet.service", false, false},
	} {
		inPod, inContainer := p.owns(tt.cgroup)
		assert.Equal(t, tt.inPod, inPod, name)
		assert.Equal(t, tt.inContainer, inContainer, name)
	}
	_, inContainer := Pod{UID: uid}.owns("0::/x")
	assert.False(t, inContainer, "no container is none, rather than any")
}

func TestFindChoosesTheOldest(t *testing.T) {
	pod := "0::/kubepods/pod" + uid + "/"
	root := proc(t, map[int]struct {
		cgroup string
		start  int
	}{
		1:   {"0::/init.scope", 1},
		70:  {pod + id + "/nested", 400}, // the numbers began anew
		90:  {pod + "f00", 100},          // pause
		95:  {pod + "other", 150},
		120: {pod + id, 200},
		130: {pod + id, 300},
	})
	all, err := find(root, Pod{UID: uid, Container: id})
	require.NoError(t, err)
	var pids []int
	for _, p := range all {
		pids = append(pids, p.pid)
	}
	assert.Equal(t, []int{90, 95, 120, 130, 70}, pids)
	inside, life := choose(all)
	assert.Equal(t, 120, inside.pid)
	assert.Equal(t, 90, life.pid)

	// The container was started anew meanwhile, and has another ID.
	all, err = find(root, Pod{UID: uid, Container: strings.Repeat("0", 64)})
	require.NoError(t, err)
	inside, life = choose(all)
	assert.Equal(t, 90, inside.pid)
	assert.Equal(t, 90, life.pid)

	// Cgroups that do not tell pods: the container may be started anew, and the pod
	// live on.
	all, err = find(root, Pod{UID: "unknown", Container: id})
	require.NoError(t, err)
	inside, life = choose(all)
	assert.Equal(t, 120, inside.pid)
	assert.Nil(t, life)

	_, err = find(root, Pod{UID: "elsewhere"})
	require.EqualError(t, err, "no process of pod elsewhere is on this node, or its runtime keeps them to itself")
}

func TestStartTimeOfWhatIsNoStat(t *testing.T) {
	for _, stat := range []string{"", "1 (x) S 1", "1 (x) S " + strings.Repeat("x ", 30)} {
		_, ok := startTime(stat)
		assert.False(t, ok, stat)
	}
}
