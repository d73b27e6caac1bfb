package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// capabilities holds the kernel's names in the order of their numbers, see
// capabilities(7).
var capabilities = strings.Fields(`
	CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID
	CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE
	CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW
	CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT
	CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE
	CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE
	CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE
	CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ
	CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE`)

// boundingSet reads the names in the capability bounding set of a process from
// its status file.
func boundingSet(status string) (map[string]bool, error) {
	f, err := os.Open(status)
	if err != nil {
		return nil, fmt.Errorf("read the capability bounding set: %w", err)
	}
	defer f.Close()

	for lines := bufio.NewScanner(f); lines.Scan(); {
		hex, ok := strings.CutPrefix(lines.Text(), "CapBnd:")
		if !ok {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("parse CapBnd of %s: %w", status, err)
		}
		return names(mask), nil
	}
	return nil, fmt.Errorf("%s has no CapBnd line", status)
}

func names(mask uint64) map[string]bool {
	set := make(map[string]bool)
	for number, name := range capabilities {
		if mask&(1<<number) != 0 {
			set[name] = true
		}
	}
	return set
}
