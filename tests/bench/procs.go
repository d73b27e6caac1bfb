package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A proc is a process of this machine, as /proc has it. The node's are there,
// too, unless its container engine is on another machine.
type proc struct {
	pid, parent int
	name        string
	cpu         time.Duration // user and system, of all threads
}

// clockTick is the unit of /proc/PID/stat; USER_HZ is 100 wherever Go runs.
const clockTick = 10 * time.Millisecond

// readProc is the process of that number, or false if there is none.
func readProc(pid int) (proc, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proc{}, false
	}
	return parseStat(pid, stat)
}

// parseStat reads a line "PID (NAME) STATE PPID …"; a name may have anything in
// it.
func parseStat(pid int, stat []byte) (proc, bool) {
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from {
		return proc{}, false
	}
	f := strings.Fields(string(stat[to+1:])) // f[0] is the third of the fields in proc(5)
	if len(f) < 13 {
		return proc{}, false
	}
	p := proc{pid: pid, name: string(stat[from+1 : to])}
	p.parent, _ = strconv.Atoi(f[1])
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	p.cpu = time.Duration(user+system) * clockTick
	return p, true
}

// procs are all processes.
func procs() map[int]proc {
	all := make(map[int]proc)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, ok := readProc(pid); ok {
			all[pid] = p
		}
	}
	return all
}

// below says whether p is pid or descends from it.
func below(all map[int]proc, p proc, pid int) bool {
	for p.pid != pid {
		parent, ok := all[p.parent]
		if !ok || parent.pid == p.pid {
			return false
		}
		p = parent
	}
	return true
}

// resident is how much memory a process has, in MiB; 0 without that process.
func resident(pid int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib / 1024
		}
	}
	return 0
}

// nodeProcess is the node's first process, or 0 where that is not to be seen.
func nodeProcess(ctx context.Context) int {
	out, err := exec.CommandContext(ctx, "docker", "inspect", "-f", "{{.State.Pid}}", node).Output()
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	if _, ok := readProc(pid); !ok {
		return 0
	}
	return pid
}

// onNode are the node's processes of the given names.
func (c *cluster) onNode(names ...string) []proc {
	if c.nodePID == 0 {
		return nil
	}
	all := procs()
	var found []proc
	for _, p := range all {
		if slices.Contains(names, p.name) && below(all, p, c.nodePID) {
			found = append(found, p)
		}
	}
	return found
}

// agents are the processes of agents in the pod's network or, in pods of their
// own, of this namespace; which is why other runs' do not count.
func (c *cluster) agents() []proc {
	var own string
	for _, p := range c.onNode("bench") {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		if bytes.HasPrefix(line, []byte(nodeDir+"/bench\x00serve\x00")) {
			own = netns(p.pid)
		}
	}
	found := c.onNode("fwd-agentd")
	return slices.DeleteFunc(found, func(p proc) bool { return netns(p.pid) != own })
}

// netns names the network namespace of a process.
func netns(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return name
}
