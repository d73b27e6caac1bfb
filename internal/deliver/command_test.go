//go:build unix

package deliver

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

func sh(script string) Command { return Command{"/bin/sh", "-c", script} }

// running serves a command and returns one connection to it.
func running(t *testing.T, script string) (*pod, *session.Stream, func() error) {
	t.Helper()
	p := newPod(t)
	stop := p.serving(steal(sh(script)))
	st := p.call(p.capture(0))
	t.Cleanup(func() { st.Close() })
	return p, st, stop
}

func TestCommandHasTheSocket(t *testing.T) {
	_, st, _ := running(t, `echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT $TCPLOCALIP $TCPLOCALPORT; cat; echo end`)
	io.WriteString(st, "question\n")
	st.CloseWrite()
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "TCP 10.1.0.7 4711 10.1.0.9 80\nquestion\nend\n", string(got))
}

// One socket is both input and output, as under inetd.
func TestCommandMayUseEitherEnd(t *testing.T) {
	_, st, _ := running(t, `echo in >&0; read line <&1; echo $line`)
	io.WriteString(st, "out\n")
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Equal(t, "in\nout\n", string(got))
}

// Whatever it has written before it exits arrives, although it has read nothing.
func TestCommandsExitEndsTheConnection(t *testing.T) {
	_, st, _ := running(t, `head -c 1000000 /dev/zero`)
	io.WriteString(st, strings.Repeat("nobody reads this", 1000))
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Len(t, got, 1000000)
}

func TestCommandsChildrenDoNotHoldTheConnection(t *testing.T) {
	_, st, _ := running(t, `sleep 1000 & echo started $!`)
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	pid, ok := strings.CutPrefix(strings.TrimSpace(string(got)), "started ")
	require.True(t, ok)
	require.NoError(t, syscall.Kill(atoi(t, pid), syscall.SIGKILL))
}

func TestCommandThatFailsIsSaid(t *testing.T) {
	p, st, stop := running(t, `echo no; exit 3`)
	st.CloseWrite()
	_, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Eventually(t, func() bool { return strings.Contains(p.log.String(), "/bin/sh: exit status 3") }, 10*time.Second, time.Millisecond)
	stop()
}

func TestCommandEndsWithItsCaller(t *testing.T) {
	dir := t.TempDir()
	script := `trap 'echo asked >` + filepath.Join(dir, "asked") + `; exit' TERM; sh -c 'echo ready; exec sleep 1000' & wait`
	p, st, stop := running(t, script)
	_, err := io.ReadFull(st, make([]byte, 6))
	require.NoError(t, err)
	st.Reset(wire.ConnReset, "")
	assert.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "asked")); return err == nil }, 10*time.Second, time.Millisecond)
	require.NoError(t, stop())
	assert.NotContains(t, p.log.String(), "exit status")
}

// A command that does not want to end is made to.
func TestCommandIsKilled(t *testing.T) {
	conn, err := sh(`trap '' TERM; echo ready; while :; do sleep 0.1; done`).Open(t.Context(), caller, local)
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 6))
	require.NoError(t, err)
	p := conn.(*process)
	p.Abort(nil)
	p.kill() // as it does after killTime
	assert.NoError(t, p.Close(), "that it was killed is our doing")
	p.kill()
	p.Abort(nil)
}

func TestCommandThatIsNotThere(t *testing.T) {
	assert.ErrorContains(t, Command{"/no/such/program"}.Find(), "no such file")
	assert.NoError(t, sh("").Find())

	p := newPod(t)
	p.serving(steal(Command{"/no/such/program"}))
	_, err := p.call(p.capture(0)).Read(make([]byte, 1))
	assert.Error(t, err)
	assert.Eventually(t, func() bool { return strings.Contains(p.log.String(), "no such file") }, 10*time.Second, time.Millisecond)
}

func TestMirrorToACommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen")
	p := newPod(t)
	stop := p.serving(mirrored(sh("echo nobody hears this; cat >" + path)))
	st := p.call(p.capture(0))
	io.WriteString(st, "question")
	st.CloseWrite()
	got, err := io.ReadAll(st)
	require.NoError(t, err)
	assert.Empty(t, got)
	require.NoError(t, stop())
	seen, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "question", string(seen))
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

// A caller who does not end its side does not keep the connection for ever.
func TestAfterExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &process{exitc: make(chan struct{})}
		called := make(chan time.Time, 1)
		stop := p.afterExit(func() { called <- time.Now() })
		time.Sleep(time.Hour)
		close(p.exitc)
		exited := time.Now()
		assert.Equal(t, exitTime, (<-called).Sub(exited))
		stop()
		p.afterExit(func() { panic("stopped") })()
	})
}

func TestCommandsAreBounded(t *testing.T) {
	s := make(slots, 1)
	require.NoError(t, s.take(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, s.take(ctx), context.Canceled)
	s.give()
	require.NoError(t, s.take(t.Context()))
	slots(nil).give()
	assert.NoError(t, slots(nil).take(ctx))
}
