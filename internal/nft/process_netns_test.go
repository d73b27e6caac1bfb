//go:build linux && netns

package nft

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNetnsHelper is the process that TestNetnsKilled kills and that
// TestNetnsWithoutPrivilege lets try: it is a thief of port 80.
func TestNetnsHelper(t *testing.T) {
	if os.Getenv("FWD_TEST_HELPER") == "" {
		t.Skip("it is no test of its own")
	}
	thief := newServer(t, "thief", ":0")
	_, err := New(Config{Port: 80, To: thief.port()})
	fmt.Printf("\nhelper: %v %v\n", errors.Is(err, fs.ErrPermission), err)
	if err == nil {
		io.Copy(io.Discard, os.Stdin)
	}
}

// helper starts TestNetnsHelper and returns what it says.
func (p *pod) helper(attr *syscall.SysProcAttr) (*exec.Cmd, string) {
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestNetnsHelper$")
	cmd.Env = append(os.Environ(), "FWD_TEST_HELPER=1")
	cmd.SysProcAttr = attr
	_, err := cmd.StdinPipe() // open until the end
	require.NoError(p.t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, cmd.Start())
	p.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if says, ok := strings.CutPrefix(lines.Text(), "helper: "); ok {
			return cmd, says
		}
	}
	require.Fail(p.t, "the helper says nothing")
	return nil, ""
}

func TestNetnsKilled(t *testing.T) {
	inPod(t, func(p *pod) {
		p.server("app", ":80")
		cmd, said := p.helper(nil)
		require.Equal(t, "false <nil>", said)
		var stolen []*client
		for _, w := range ways {
			stolen = append(stolen, p.open(w.outside, net.JoinHostPort(w.addr, "80"), 0))
		}
		begun := time.Now()
		require.NoError(t, cmd.Process.Kill())
		require.Eventually(t, func() bool { return p.ruleset() == "" }, bounded, time.Millisecond)
		t.Logf("no rule is left %v after kill -9", time.Since(begun))
		p.wantServed("app")
		for i, c := range stolen {
			assert.Equal(t, "thief", c.server)
			_, err := c.line()
			assert.Error(t, err)
			assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "%s: the caller is told", ways[i].name)
		}

		// The next one comes while the kernel is still at it.
		cmd, said = p.helper(nil)
		require.Equal(t, "false <nil>", said)
		require.NoError(t, cmd.Process.Kill())
		p.steal(p.server("next", ":0"), 0)
		p.wantServed("next")
	})
}

// A process that lives keeps its table.
func TestNetnsTableOfAnotherProcess(t *testing.T) {
	inPod(t, func(p *pod) {
		_, said := p.helper(nil)
		require.Equal(t, "false <nil>", said)
		_, err := New(Config{Port: 80, To: 1})
		assert.EqualError(t, err, "redirect port 80: the table fwd-80-0 belongs to another process")
		assert.NotErrorIs(t, err, fs.ErrPermission)
		p.wantServed("thief")
	})
}

func TestNetnsWithoutPrivilege(t *testing.T) {
	inPod(t, func(p *pod) {
		if os.Getuid() != 0 || !canBeNobody() {
			t.Skip("it takes root to become nobody")
		}
		_, said := p.helper(&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
		assert.Equal(t, "true redirect port 80: netlink receive: operation not permitted", said)
		assert.Empty(t, p.ruleset())
	})
}

func canBeNobody() bool {
	m, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && len(bytes.Fields(m)) == 3 && string(bytes.Fields(m)[2]) != "1"
}
