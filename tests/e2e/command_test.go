//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// result is what a command that has ended leaves.
type result struct {
	stdout, stderr string
	code           int
}

// env is the environment in which stories run commands: the commands under
// test are on the PATH, know the cluster and the namespace, and keep their
// records apart.
func (s *space) env(more ...string) []string {
	env := append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"KUBECONFIG="+kubeconfig,
		"FWD_NAMESPACE="+s.name,
		"XDG_STATE_HOME="+s.state,
	)
	return append(env, more...)
}

// command is a command under test, or any other, in the story's environment.
// It is not bound to the test's context: it is for the end of a test, too.
func (s *space) command(name string, args ...string) *exec.Cmd {
	path := filepath.Join(bin, name)
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	cmd := exec.Command(path, args...)
	cmd.Env = s.env()
	return cmd
}

// run runs a command to its end, with stdin as its input.
func (s *space) run(stdin io.Reader, name string, args ...string) result {
	s.t.Helper()
	return s.finish(s.command(name, args...), stdin)
}

// shell runs a bash script to its end, with pipefail.
func (s *space) shell(script string) result {
	s.t.Helper()
	return s.run(nil, "bash", "-c", "set -eu -o pipefail\n"+script)
}

// finish runs cmd to its end, which must come within patience.
func (s *space) finish(cmd *exec.Cmd, stdin io.Reader) result {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	// A group of its own, so that nothing of it outlives the test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	require.NoError(s.t, cmd.Start())
	stop := context.AfterFunc(ctx, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err := cmd.Wait()
	stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("%v: %v", cmd.Args, err)
	}
	if ctx.Err() != nil {
		s.t.Fatalf("%v: did not end within %v\nstdout: %.2000s\nstderr: %.2000s", cmd.Args, patience, &stdout, &stderr)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ok asserts that the command has succeeded and returns its stdout.
func (s *space) ok(r result) string {
	s.t.Helper()
	require.Zero(s.t, r.code, "exit code; stderr: %s", r.stderr)
	return r.stdout
}

// background is a command that runs until the test ends or stop is called.
type background struct {
	s      *space
	cmd    *exec.Cmd
	stdout *lines
	stderr *lines
	done   chan struct{} // closed when it has ended
}

// start starts a command in the background.
func (s *space) start(name string, args ...string) *background {
	s.t.Helper()
	return s.background(s.command(name, args...))
}

// background starts cmd, whose outputs it sets.
func (s *space) background(cmd *exec.Cmd) *background {
	s.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b := &background{s: s, cmd: cmd, stdout: newLines(), stderr: newLines(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = b.stdout, b.stderr
	require.NoError(s.t, cmd.Start())
	go func() {
		defer close(b.done)
		cmd.Wait()
	}()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("%v:\nstdout: %s\nstderr: %s", cmd.Args, b.stdout, b.stderr)
		}
		b.stop()
	})
	return b
}

// stop interrupts the command, if it still runs, and returns its exit code.
func (b *background) stop() int {
	syscall.Kill(-b.cmd.Process.Pid, syscall.SIGINT)
	select {
	case <-b.done:
	case <-time.After(20 * time.Second):
		syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
		b.s.t.Errorf("%v: did not end on SIGINT", b.cmd.Args)
		<-b.done
	}
	return b.cmd.ProcessState.ExitCode()
}

// wait returns the exit code of a command that ends by itself.
func (b *background) wait() int {
	b.s.t.Helper()
	select {
	case <-b.done:
	case <-time.After(patience):
		b.s.t.Fatalf("%v: did not end within %v", b.cmd.Args, patience)
	}
	return b.cmd.ProcessState.ExitCode()
}

// forward starts fwd-dial with args, which hold n routes, and returns it with
// the local addresses once it says that it accepts.
func (s *space) forward(n int, args ...string) (*background, []string) {
	s.t.Helper()
	b := s.start("fwd-dial", args...)
	var addrs []string
	for i := range n {
		line := b.stdout.wait(s, i)
		addr, _, found := strings.Cut(line, " -> ")
		require.True(s.t, found, "line %q", line)
		addrs = append(addrs, addr)
	}
	return b, addrs
}

// lines collects what a command writes, for readers that wait for it.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func newLines() *lines { return new(lines) }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait returns line i once it is complete.
func (l *lines) wait(s *space, i int) (line string) {
	s.t.Helper()
	s.eventually("line of output", func(context.Context) error {
		scanner := bufio.NewScanner(strings.NewReader(l.String()))
		for n := 0; scanner.Scan(); n++ {
			if n == i {
				line = scanner.Text()
				return nil
			}
		}
		return errors.New("not there")
	})
	return line
}
