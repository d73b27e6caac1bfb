//go:build linux

// Package netnstest runs tests in network namespaces of their own.
package netnstest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Run runs the rest of the test in a fresh network namespace: the test binary
// starts itself there, as root of a user namespace where it is not root. It
// skips where the system does not allow that, or has one of the tools not.
func Run(t *testing.T, f func(), tools ...string) {
	t.Helper()
	const inside = "FWD_TEST_NETNS"
	if os.Getenv(inside) == t.Name() {
		f()
		return
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	name := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	cmd := exec.Command("/proc/self/exe", "-test.run", name, "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Skipf("this system allows no network namespace: %v", err)
	}
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Skip("the test inside was skipped")
	}
}
