package enter

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one of a pod's processes.
type process struct {
	pid       int
	start     uint64 // ticks since the node was started
	container bool   // of the container that is meant
}

// find returns the pod's processes, oldest first. The first one of a pod is what
// holds its namespaces (pause), and of a container the one that was its first:
// those that a process in a container has put into further namespaces are
// younger.
func find(proc string, p Pod) ([]process, error) {
	dirs, err := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	if err != nil {
		return nil, err
	}
	var all []process
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		cgroup, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		if err != nil {
			continue // it has ended
		}
		inPod, inContainer := p.owns(string(cgroup))
		if !inPod && !inContainer {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		if start, ok := startTime(string(stat)); ok {
			all = append(all, process{pid, start, inContainer})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no process of pod %s is on this node, or its runtime keeps them to itself", p.UID)
	}
	slices.SortFunc(all, func(a, b process) int {
		if a.start != b.start {
			return int(int64(a.start - b.start))
		}
		return a.pid - b.pid
	})
	return all, nil
}

// owns reads /proc/PID/cgroup. Its paths name the pod and the container in one
// of many ways, such as
//
//	/kubepods.slice/kubepods-pod0a1b_2c3d.slice/cri-containerd-4e5f.scope
//	/kubepods/burstable/pod0a1b-2c3d/4e5f
//	/../../pod0a1b-2c3d/4e5f
//
// the last one seen from a cgroup namespace; but both are long and random.
func (p Pod) owns(cgroup string) (inPod, inContainer bool) {
	inContainer = p.Container != "" && strings.Contains(cgroup, p.Container)
	inPod = strings.Contains(cgroup, "pod"+p.UID) || strings.Contains(cgroup, "pod"+strings.ReplaceAll(p.UID, "-", "_"))
	return inPod, inContainer
}

// startTime reads /proc/PID/stat, whose second field is a name that may hold
// anything.
func startTime(stat string) (uint64, bool) {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(fields) < 20 {
		return 0, false
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return start, err == nil
}

// choose returns the process whose network and files are taken, and the one as
// long as which the pod lives; that is nil if it cannot be told.
func choose(all []process) (inside process, pod *process) {
	inside = all[0]
	if i := slices.IndexFunc(all, func(p process) bool { return p.container }); i >= 0 {
		inside = all[i]
	}
	if !all[0].container {
		pod = &all[0]
	}
	return inside, pod
}
