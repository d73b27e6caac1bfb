package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommandsStaySmall builds the commands as a release does. How long one
// takes to start is said and not judged: it depends on the machine.
func TestCommandsStaySmall(t *testing.T) {
	watch(t)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin+string(os.PathSeparator), "./cmd/...")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	entries, err := os.ReadDir(bin)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		limit, why := int64(25<<20), "it starts for each connection of a ProxyCommand, and people download it"
		if e.Name() == "fwd-agentd" {
			limit, why = 12<<20, "every node that it is needed on pulls it while a person waits"
		}
		info, err := e.Info()
		require.NoError(t, err)
		assert.LessOrEqual(t, info.Size(), limit, "bytes of %s: %s", e.Name(), why)
		t.Logf("%s: %.1f MiB, --help in %v", e.Name(), float64(info.Size())/(1<<20), startTime(t, filepath.Join(bin, e.Name())))
	}
}

// startTime is the median of a few starts.
func startTime(t *testing.T, command string) time.Duration {
	t.Helper()
	var times []time.Duration
	for range 5 {
		begin := time.Now()
		require.NoError(t, exec.Command(command, "--help").Run())
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return times[len(times)/2].Round(100 * time.Microsecond)
}
