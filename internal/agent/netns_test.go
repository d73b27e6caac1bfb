//go:build linux && netns

package agent

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pod may have IPv4, IPv6 or both: the agent listens on the loopback
// addresses that there are.
func TestNetnsListenOnWhatThereIs(t *testing.T) {
	for _, tt := range []struct {
		name string
		v6   bool
		want []string
	}{
		{"both families", true, []string{"127.0.0.1", "::1"}},
		{"no IPv6", false, []string{"127.0.0.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNetns(t, func() {
				loopbackUp(t, tt.v6)
				lns, err := Listen(61000)
				require.NoError(t, err)
				var got []string
				for _, ln := range lns {
					got = append(got, netip.MustParseAddrPort(ln.Addr().String()).Addr().String())
					assert.NoError(t, ln.Close())
				}
				assert.Equal(t, tt.want, got)
			})
		})
	}
}

// inNetns runs the rest of the test in a fresh network namespace: the test
// binary starts itself there. It skips where the system does not allow one.
func inNetns(t *testing.T, f func()) {
	const inside = "FWD_TEST_NETNS"
	if os.Getenv(inside) == t.Name() {
		f()
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
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
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Skipf("%s", out)
	}
}

// loopbackUp makes the loopback interface work, which a fresh namespace has
// down.
func loopbackUp(t *testing.T, v6 bool) {
	t.Helper()
	if !v6 {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte("1"), 0)
		if err != nil && !os.IsNotExist(err) {
			t.Skipf("IPv6 cannot be turned off here: %v", err)
		}
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	require.NoError(t, err)
	req.SetUint16(unix.IFF_UP)
	require.NoError(t, unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req))
}
