// Package docs is its test: the man pages say what the commands do.
package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages are the man pages, each with the subcommands that its command has.
var pages = map[string][]string{
	"fwd-agent":   {"run", "launch", "ls", "stop"},
	"fwd-dial":    nil,
	"fwd-listen":  nil,
	"fwd-resolve": nil,
}

func TestManPagesHaveEveryFlag(t *testing.T) {
	bin := build(t)
	for command, subcommands := range pages {
		t.Run(command, func(t *testing.T) {
			helps := help(t, bin, command)
			for _, sub := range subcommands {
				assert.Contains(t, helps, "\n  "+sub+" ", "%s --help", command)
				helps += help(t, bin, command, sub)
			}
			text := page(t, command)

			inHelp, listed, named := helpFlags(helps), manFlags(text, true), manFlags(text, false)
			for _, flag := range slices.Sorted(maps.Keys(inHelp)) {
				assert.Contains(t, listed, flag, "%s --help has it, the man page has no .It for it", command)
			}
			for _, flag := range slices.Sorted(maps.Keys(named)) {
				assert.Contains(t, inHelp, flag, "the man page has it, %s --help does not", command)
			}
			for _, variable := range regexp.MustCompile(`\bFWD_[A-Z_]+`).FindAllString(helps, -1) {
				assert.Contains(t, text, "\n.It Ev "+variable+"\n")
			}
			for _, sub := range subcommands {
				assert.Contains(t, text, "\n.It Cm "+sub+"\n")
			}
		})
	}
}

// TestEveryCommandHasAPage knows one exception: people do not run fwd-agentd.
func TestEveryCommandHasAPage(t *testing.T) {
	mains, err := filepath.Glob("../cmd/*/main.go")
	require.NoError(t, err)
	require.NotEmpty(t, mains)
	for _, path := range mains {
		if command := filepath.Base(filepath.Dir(path)); command != "fwd-agentd" {
			assert.Contains(t, pages, command)
		}
	}
}

func TestManPagesHaveTheExitCodes(t *testing.T) {
	want := exitCodes(t)
	for command := range pages {
		_, section, found := strings.Cut(page(t, command), "\n.Sh EXIT STATUS\n.Bl -tag -width 130\n")
		require.True(t, found, "%s.1 has no EXIT STATUS", command)
		list, _, found := strings.Cut(section, ".El\n")
		require.True(t, found)
		assert.Equal(t, want, list, "EXIT STATUS of %s.1, by internal/cli/exit.go", command)
	}
}

// exitCodes is the table of internal/cli/exit.go as a list of mdoc.
func exitCodes(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../internal/cli/exit.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var list strings.Builder
	for _, decl := range file.Decls {
		decl, ok := decl.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			continue
		}
		for _, spec := range decl.Specs {
			spec := spec.(*ast.ValueSpec)
			fmt.Fprintf(&list, ".It %s\n%s\n", spec.Values[0].(*ast.BasicLit).Value, strings.TrimSpace(spec.Comment.Text()))
		}
	}
	require.NotEmpty(t, list.String())
	return list.String()
}

// helpFlags finds flags where kong lists them: "-t, --target=KIND/NAME".
func helpFlags(help string) map[string]bool {
	flags := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-(\w), +)?--([a-z0-9-]+)`).FindAllStringSubmatch(help, -1) {
		flags["--"+m[2]] = true
		if m[1] != "" {
			flags["-"+m[1]] = true
		}
	}
	return flags
}

// manFlags finds flags in mdoc, where "Fl -x" is --x and "Fl x" is -x: those
// that have an item of a list, or all that are mentioned.
func manFlags(text string, items bool) map[string]bool {
	flags := make(map[string]bool)
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, ".") || items && !strings.HasPrefix(line, ".It Fl ") {
			continue
		}
		for _, m := range regexp.MustCompile(`\bFl (-?[\w][\w-]*)`).FindAllStringSubmatch(line, -1) {
			flags["-"+m[1]] = true
		}
	}
	return flags
}

func page(t *testing.T, command string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("man", command+".1"))
	require.NoError(t, err)
	return string(text)
}

func help(t *testing.T, bin, command string, sub ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, command), append(sub, "--help")...)
	for _, variable := range os.Environ() { // help shows what they are set to
		if !strings.HasPrefix(variable, "FWD_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

// build builds the commands. It looks at their source first: go test keeps a
// result for as long as nothing that the test itself has looked at changes.
func build(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"../cmd", "../internal", "../pkg"} {
		err := filepath.WalkDir(dir, func(string, os.DirEntry, error) error { return nil })
		require.NoError(t, err)
	}
	bin := t.TempDir()
	cmd := exec.Command("go", "build", "-o", bin+string(os.PathSeparator), "./cmd/...")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}
