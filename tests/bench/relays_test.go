package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is the program where a test has started that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && modes[os.Args[1]] != nil {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestRelaysCarryAllLoads(t *testing.T) {
	addr := served(t)
	for range 3 {
		to := addr
		addr = handled(t, func(conn net.Conn) error { return relay(t.Context(), conn.(*net.TCPConn), to) })
	}
	for load := range loads {
		out := job{Load: load, Addr: addr, Bytes: mib, Count: 20, Conns: 4, Deadline: 20 * time.Second}.do(t.Context())
		assert.Empty(t, out.Failure, "%s: %s", load, out.Err)
	}
}

// A server that only sends hears nothing of an end of data.
func TestRelayEndsForAServerWhoseClientIsGone(t *testing.T) {
	endc := make(chan error, 1)
	server := handled(t, func(conn net.Conn) error {
		endc <- produce(conn, endless, bufferLen)
		return nil
	})
	addr := handled(t, func(conn net.Conn) error { return relay(t.Context(), conn.(*net.TCPConn), server) })
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err)
	c.Close()
	select {
	case err := <-endc:
		assert.Error(t, err)
	case <-time.After(10 * time.Second):
		t.Error("the server still sends")
	}
}

func TestRelaysLeaveNoProcess(t *testing.T) {
	addr := served(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			p, err := startPeer(t.Context(), []string{self, "relays", "-to", addr}, os.Environ())
			require.NoError(t, err)
			defer p.stop()
			out := job{Load: "late", Addr: p.addr, Bytes: mib, Deadline: 20 * time.Second}.do(t.Context())
			assert.Empty(t, out.Failure, out.Err)
			all := procs()
			if _, ok := all[p.cmd.Process.Pid]; !ok {
				t.Skip("there is no /proc")
			}
			var row []int
			for pid, one := range all {
				if below(all, one, p.cmd.Process.Pid) {
					row = append(row, pid)
				}
			}
			require.Len(t, row, 3)

			require.NoError(t, p.cmd.Process.Signal(sig))
			for _, pid := range row {
				assert.Eventually(t, func() bool { return ended(pid) }, 10*time.Second, 10*time.Millisecond)
			}
		})
	}
}

// ended says whether a process runs no longer. One that nobody has waited for
// has no command line.
func ended(pid int) bool {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return len(line) == 0
}
