package main

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"strings"
)

// A host is what the machine of the engine lacks that a cluster would like.
type host struct {
	cgroupV1      bool // kubelet refuses it unless told not to
	noSysResource bool // privileged containers cannot have all capabilities
}

// readHost asks the engine and, where the engine is on this machine, the
// kernel.
func readHost(ctx context.Context) (host, error) {
	version, err := output(ctx, "docker", "info", "-f", "{{.CgroupVersion}}")
	if err != nil {
		return host{}, err
	}
	return host{cgroupV1: version == "1", noSysResource: lacksSysResource("/proc/self/status")}, nil
}

// capSysResource is the number of CAP_SYS_RESOURCE, see capabilities(7).
const capSysResource = 24

// lacksSysResource reads the capability bounding set from a status file of
// procfs. A machine without one runs its engine elsewhere, and that has it.
func lacksSysResource(status string) bool {
	f, err := os.Open(status)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if hex, ok := strings.CutPrefix(lines.Text(), "CapBnd:"); ok {
			mask, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return err == nil && mask&(1<<capSysResource) == 0
		}
	}
	return false
}
