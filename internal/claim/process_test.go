//go:build linux

package claim

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHelper is another process of the tests below: it claims the port given,
// says its order, and keeps the claim.
func TestHelper(t *testing.T) {
	p, err := strconv.ParseUint(os.Getenv("FWD_TEST_CLAIM"), 10, 16)
	if err != nil {
		t.Skip("needs FWD_TEST_CLAIM, which other tests set: it is their helper process")
	}
	c, err := Take(uint16(p), filtered(alice))
	if err != nil {
		fmt.Printf("\nhelper: %v\n", err)
		return
	}
	c.Passed(socket, caller)
	fmt.Printf("\nhelper: %d\n", c.Order())
	io.Copy(io.Discard, os.Stdin)
	c.Close()
}

// helper starts TestHelper and returns what it says.
func helper(t *testing.T, port uint16, attr *syscall.SysProcAttr) (cmd *exec.Cmd, says string) {
	cmd = exec.Command("/proc/self/exe", "-test.run", "^TestHelper$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("FWD_TEST_CLAIM=%d", port))
	cmd.SysProcAttr = attr
	_, err := cmd.StdinPipe() // open until the end
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	if err := cmd.Start(); err != nil && attr != nil {
		t.Skipf("this system does not allow it: %v", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if says, ok := strings.CutPrefix(lines.Text(), "helper: "); ok {
			return cmd, says
		}
	}
	require.Fail(t, "the helper says nothing")
	return nil, ""
}

func TestClaimGoesWithItsProcess(t *testing.T) {
	p := port(t)
	cmd, says := helper(t, p, nil)
	require.Equal(t, "0", says)
	mine := take(t, p, filtered(bob))
	assert.Equal(t, 1, mine.Order())
	got, ok := mine.Behind(socket)
	assert.True(t, ok)
	assert.Equal(t, caller, got)
	require.NoError(t, mine.Close())
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	assert.Equal(t, 0, take(t, p, bob).Order())
}

// A process that is stopped has its order still, and does not hold up others.
func TestFrozenProcessKeepsItsClaim(t *testing.T) {
	t.Parallel()
	p := port(t)
	cmd, says := helper(t, p, nil)
	require.Equal(t, "0", says)
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	_, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped())
	within(t, func() {
		mine := take(t, p, filtered(bob))
		assert.Equal(t, 1, mine.Order())
		_, ok := mine.Behind(socket)
		assert.False(t, ok)
	})
}

func TestNetnsClaimsAreOfOneNamespace(t *testing.T) {
	p := port(t)
	take(t, p, alice)
	_, says := helper(t, p, nil)
	assert.Contains(t, says, "is held by alice@laptop")
	if os.Getuid() != 0 {
		t.Skip("it takes root to make a network namespace")
	}
	_, says = helper(t, p, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET})
	assert.Equal(t, "0", says)
}
