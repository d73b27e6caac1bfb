//go:build linux && netns

package agent

import (
	"net/netip"
	"os"
	"testing"

	"github.com/fwdtools/fwd/internal/netnstest"
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
			netnstest.Run(t, func() {
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
