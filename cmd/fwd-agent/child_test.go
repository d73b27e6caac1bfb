//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/cli"
)

// shell starts a child that is a shell, and returns what it writes and how run
// ended.
func shell(t *testing.T, ctx context.Context, script string) (*bufio.Reader, <-chan error) {
	t.Helper()
	c, err := findChild([]string{"sh", "-c", script})
	require.NoError(t, err)
	stdin, err := os.Open(os.DevNull)
	require.NoError(t, err)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); stdin.Close() })
	errc := make(chan error, 1)
	go func() {
		defer w.Close()
		errc <- c.run(ctx, cli.Env{Stdin: stdin, Stdout: w, Stderr: os.Stderr})
	}()
	return bufio.NewReader(r), errc
}

func TestChildsExitCodeIsOurs(t *testing.T) {
	for script, want := range map[string]error{
		"exit 0":      nil,
		"exit 7":      cli.Reported(7),
		"exit 255":    cli.Reported(255),
		"kill -9 $$":  cli.Reported(128 + 9),
		"kill -15 $$": cli.Reported(128 + 15),
	} {
		_, errc := shell(t, context.Background(), script)
		assert.Equal(t, want, <-errc, script)
	}
}

func TestChildHasOurOutput(t *testing.T) {
	out, errc := shell(t, context.Background(), "cat; echo said")
	text, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Equal(t, "said\n", string(text))
	assert.NoError(t, <-errc)
}

// Who has no terminal passes both signals on, and lets the command decide.
func TestSignalsAreTheChilds(t *testing.T) {
	if fromTerminal() {
		t.Skip("needs to run without a terminal, whose signals reach the whole process group")
	}
	for name, s := range map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM} {
		out, errc := shell(t, context.Background(), "trap 'trap \"exit 3\" "+name+"; echo once' "+name+"; echo ready; while :; do sleep 0.01; done")
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "ready\n", line)
		require.NoError(t, syscall.Kill(os.Getpid(), s))
		line, err = out.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "once\n", line)
		require.NoError(t, syscall.Kill(os.Getpid(), s))
		assert.Equal(t, cli.Reported(3), <-errc, name)
	}
}

// A route that fails ends the command, and is what people are told of.
func TestChildIsTerminatedWithItsRoutes(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, errc := shell(t, ctx, "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.01; done")
	_, err := out.ReadString('\n')
	require.NoError(t, err)
	cancel()
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "asked\n", line)
	assert.NoError(t, <-errc)
}

func TestFindChild(t *testing.T) {
	_, err := findChild([]string{"/no/such/program"})
	assert.EqualError(t, err, `command "/no/such/program": no such file or directory`)
	_, err = findChild([]string{"no-such-program-of-fwd"})
	assert.EqualError(t, err, `command "no-such-program-of-fwd": executable file not found in $PATH`)
}
