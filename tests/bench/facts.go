package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// facts are about the machine and the run: pairs of a name and a value.
type facts [][2]string

var clientVersion = regexp.MustCompile(`Client Version: (\S+)`)

func (c *cluster) facts(ctx context.Context, o options, took time.Duration) facts {
	f := facts{
		{"Date", time.Now().UTC().Format("2006-01-02 15:04 UTC")},
		{"Machine", fmt.Sprintf("%d cores of %s, %s", runtime.NumCPU(), processor(), memoryOf())},
		{"Kernel", strings.TrimSpace(read("/proc/sys/kernel/osrelease"))},
		{"Go", runtime.Version()},
	}
	if v, err := c.client.Discovery().ServerVersion(); err == nil {
		f = append(f, [2]string{"Kubernetes", v.GitVersion + ", kind, one node, on this machine"})
	}
	if c.nodeIP != "" {
		f = append(f, [2]string{"API server", "at the node's address, past the container engine's proxy"})
	}
	if c.nodePort == "" {
		f = append(f, [2]string{"Left out", "three plain relays: " + noNodePort})
	}
	if out, err := exec.CommandContext(ctx, c.kubectl, "version", "--client").Output(); err == nil {
		if m := clientVersion.FindSubmatch(out); m != nil {
			f = append(f, [2]string{"kubectl", string(m[1])})
		}
	}
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		f = append(f, [2]string{"fwd", strings.TrimSpace(string(out))})
	}
	return append(f, [2]string{"Run", fmt.Sprintf("%d rounds in %s", o.rounds, took.Round(time.Second))})
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// processor is the name of the first one.
func processor() string {
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// memoryOf is how much memory the machine has.
func memoryOf() string {
	var kib int64
	if _, err := fmt.Sscanf(read("/proc/meminfo"), "MemTotal: %d kB", &kib); err != nil {
		return "memory unknown"
	}
	return fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
}
