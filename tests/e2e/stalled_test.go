//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Connections that nobody reads, here or in the pod, are stuck for themselves:
// others are as fast as before.
func TestStalledConnectionsDoNotSlowOthers(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	const size = 48 * mib
	s.backend("source", 7000, "source", "-port", "7000", "-bytes", strconv.Itoa(size))
	s.backend("idle", 7001, "idle", "-port", "7001")
	s.backend("echo", 7002, "echo", "-port", "7002")
	forward, addrs := s.forward(3, "-L", "0:source:7000", "-L", "0:idle:7001", "-L", "0:echo:7002")
	source, idle, echo := addrs[0], addrs[1], addrs[2]

	s.reach(echo)
	alone := s.fastest(source, size)

	const stalled = 8
	var unread []*net.TCPConn
	for range stalled {
		// The first part goes at full speed, so that the window is wide when
		// the reader stops.
		conn := s.dial(source)
		copied(t, io.Discard, conn, 8*mib)
		unread = append(unread, conn)
		fill(t, s.dial(idle))
	}
	for _, conn := range unread {
		s.waitFull(conn)
	}
	among := s.fastest(source, size)
	t.Logf("%d MiB took %v alone and %v among %d stalled connections", size/mib, alone, among, 2*stalled)
	assert.Less(t, among, 4*alone+time.Second, "time of a transfer among stalled connections, %v alone", alone)
	s.reach(echo)

	// Nothing of what waited is lost.
	want := sha256.New()
	all := rand.NewChaCha8([32]byte{})
	io.CopyN(io.Discard, all, 8*mib)
	io.CopyN(want, all, size-8*mib)
	for _, conn := range unread {
		got := sha256.New()
		_, err := io.Copy(got, conn)
		require.NoError(t, err)
		assert.Equal(t, want.Sum(nil), got.Sum(nil), "hash of what waited")
	}
	s.assertMemory(forward)
}

// fastest is the shortest of three times that it takes to read all that comes.
func (s *space) fastest(addr string, size int64) time.Duration {
	s.t.Helper()
	best := time.Hour
	for range 3 {
		begin := time.Now()
		n, err := io.Copy(io.Discard, s.dial(addr))
		require.NoError(s.t, err)
		require.Equal(s.t, size, n, "bytes")
		best = min(best, time.Since(begin))
	}
	return best
}

// fill writes until nothing moves any more.
func fill(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	for b := make([]byte, 64<<10); ; {
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(500*time.Millisecond)))
		if _, err := conn.Write(b); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return
		}
	}
}

// waitFull waits until the kernel holds something for the reader of conn and
// that grows no more: whoever writes must wait.
func (s *space) waitFull(conn *net.TCPConn) {
	s.t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(s.t, err)
	last, same := 0, 0
	s.eventually("a full socket", func(ctx context.Context) error {
		var n int
		raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		if err != nil {
			return err
		}
		if n != last {
			last, same = n, 0
		} else if n > 0 {
			same++
		}
		if same < 10 {
			return errors.New("still filling")
		}
		return nil
	})
}
