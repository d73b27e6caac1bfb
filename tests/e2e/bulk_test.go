//go:build e2e

package e2e

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const mib = 1 << 20

// What the two ends may hold resident at most, in MiB, whatever goes through
// them.
const (
	agentLimit  = 80
	clientLimit = 160
)

// A program sends 256 MiB to an echo and reads slowly: all on the way fills up,
// in both directions, and then the writer must wait rather than memory grow.
func TestSlowReaderHoldsUpTheWriter(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("echo", 7000, "echo", "-port", "7000")
	forward, addrs := s.forward(1, "-t", "pod/echo", "-L", "0:echo:7000")
	conn := s.dial(addrs[0])

	const size = 256 * mib
	sent, heard := sha256.New(), sha256.New()
	var written atomic.Int64
	writec := make(chan error, 1)
	go func() {
		w := io.MultiWriter(conn, sent, counter{&written})
		_, err := io.CopyN(w, rand.NewChaCha8([32]byte{4}), size)
		if err == nil {
			err = conn.CloseWrite()
		}
		writec <- err
	}()

	// At full speed the windows grow to what they may be; what then waits is as
	// much as ever can.
	read := copied(t, heard, conn, 64*mib)
	due := time.Now()
	for range 12 { // 4 MiB a second
		read += copied(t, heard, conn, 4*mib)
		due = due.Add(time.Second)
		time.Sleep(time.Until(due))
	}
	waiting := written.Load() - read
	t.Logf("after 12 s of slow reading %d MiB wait on the way", waiting/mib)
	assert.Less(t, waiting, int64(100*mib), "bytes written and not read")

	rest, err := io.Copy(heard, conn)
	require.NoError(t, err)
	require.NoError(t, <-writec)
	assert.Equal(t, int64(size), read+rest, "bytes")
	assert.Equal(t, sent.Sum(nil), heard.Sum(nil), "hash")
	s.assertMemory(forward)
}

// One connection goes up to a slow reader in the pod, another comes down to a
// slow reader here, at the same time.
func TestSlowReadersAtBothEnds(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.backend("sink", 7000, "sink", "-port", "7000", "-rate", "6291456")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", "100663296")
	forward, addrs := s.forward(2, "-L", "0:sink:7000", "-L", "0:source:7001")

	const size = 96 * mib
	up, down := s.dial(addrs[0]), s.dial(addrs[1])
	sent := sha256.New()
	upc := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.MultiWriter(up, sent), rand.NewChaCha8([32]byte{5}), size)
		if err == nil {
			err = up.CloseWrite()
		}
		upc <- err
	}()
	heard, want := sha256.New(), sha256.New()
	io.CopyN(want, rand.NewChaCha8([32]byte{}), size)
	begin := time.Now()
	for i := range 12 { // 6 MiB a second, for as long as the first would fill every buffer
		copied(t, heard, down, 6*mib)
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * time.Second)))
	}
	_, err := io.Copy(heard, down)
	require.NoError(t, err)
	assert.Equal(t, want.Sum(nil), heard.Sum(nil), "hash of what came down")

	require.NoError(t, <-upc)
	report, err := io.ReadAll(up)
	require.NoError(t, err)
	assert.Equal(t, digestLine(size, sent.Sum(nil)), string(report), "what went up")
	s.assertMemory(forward)
}

// assertMemory compares what both ends ever held with their limits.
func (s *space) assertMemory(forward *background) {
	s.t.Helper()
	_, here := forward.process().resident()
	_, there := s.agentProcess().resident()
	s.t.Logf("resident at most: fwd-dial %.0f MiB, agent %.0f MiB", here, there)
	assert.Less(s.t, here, float64(clientLimit), "MiB that fwd-dial held")
	assert.Less(s.t, there, float64(agentLimit), "MiB that the agent held")
}

// copied copies n bytes.
func copied(t *testing.T, dst io.Writer, conn net.Conn, n int64) int64 {
	t.Helper()
	_, err := io.CopyN(dst, conn, n)
	require.NoError(t, err)
	return n
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}
