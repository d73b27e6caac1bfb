package wire

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestImportsStayPure(t *testing.T) {
	reasons := map[string]string{
		"net":  "the codec knows bytes, not connections",
		"os":   "the codec opens nothing",
		"log":  "leaf packages return errors and do not log",
		"sync": "the codec keeps no state that could be shared",
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			root, _, _ := strings.Cut(path, "/")
			assert.NotContains(t, root, ".", "%s imports %s: other implementers copy this package, so it needs the standard library only", file, path)
			if path != "net/netip" { // addresses are values
				assert.Empty(t, reasons[root], "%s imports %s", file, path)
			}
		}
	}
}
