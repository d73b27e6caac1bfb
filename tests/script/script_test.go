// Package script runs the commands as a person at a prompt does, as far as
// that goes without a cluster: what they refuse, what they print where, and
// which code they exit with.
//
// Each script in testdata/script is one topic and case; its first line says
// why it is there. Besides testscript's own commands they use
//
//	exits CODE COMMAND ARGS...   run it and want this exit code
//
// There is no kubeconfig and no state directory but what a script makes.
package script

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestScripts(t *testing.T) {
	bin := build(t)
	busy := listen(t)
	closed := listen(t)
	require.NoError(t, closed.Close())
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("KUBECONFIG", filepath.Join(env.WorkDir, "kubeconfig"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("BUSY", busy.Addr().String())     // somebody listens there
			env.Setenv("CLOSED", closed.Addr().String()) // nobody does
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// build builds the commands into a directory of the test's own.
func build(t *testing.T) string {
	t.Helper()
	const root = "../.."
	watch(t, root)
	bin := t.TempDir()
	cmd := exec.Command("go", "build", "-o", bin+string(os.PathSeparator), "./cmd/...")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}

// watch looks at the source of the commands: go test keeps a result for as
// long as nothing that the test itself has looked at changes.
func watch(t *testing.T, root string) {
	t.Helper()
	_, err := os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	for _, dir := range []string{"cmd", "internal", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(string, os.DirEntry, error) error { return nil })
		require.NoError(t, err)
	}
}

// listen takes a port of the loopback address for the test's time.
func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := exitCode(exit); got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func exitCode(err *exec.ExitError) int {
	if err == nil {
		return 0
	}
	return err.ExitCode()
}

// Every script begins by saying why it is there.
func TestScriptsSayWhy(t *testing.T) {
	paths, err := filepath.Glob("testdata/script/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if first, _, _ := strings.Cut(string(text), "\n"); !strings.HasPrefix(first, "# ") {
			t.Errorf("%s begins with %q, want a comment that says why it is there", path, first)
		}
	}
}
