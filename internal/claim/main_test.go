//go:build linux

package claim

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	alice = Holder{Who: "alice@laptop", Since: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	bob   = Holder{Who: "bob@desk", Since: time.Date(2026, 3, 4, 6, 0, 0, 0, time.UTC)}
)

func filtered(h Holder) Holder {
	h.Filtered = true
	return h
}

// port is a port whose claims are this test's only, also among processes.
func port(t *testing.T) uint16 {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return uint16(ln.Addr().(*net.TCPAddr).Port)
}

// take claims a port until the test is over.
func take(t *testing.T, port uint16, h Holder) *Claim {
	t.Helper()
	c, err := Take(port, h)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

// stranger has a name, and does with who connects what serve says.
func stranger(t *testing.T, name string, serve func(net.Conn)) {
	ln, err := net.Listen("unix", name)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
}

// within sees that f does not wait for others longer than it may, on a machine
// that is busy.
func within(t *testing.T, f func()) {
	t.Helper()
	begun := time.Now()
	f()
	assert.Less(t, time.Since(begun), 4*takeTime)
}
