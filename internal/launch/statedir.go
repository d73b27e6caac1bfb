package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// DefaultStateDir is $XDG_STATE_HOME/fwd, else ~/.local/state/fwd, also on
// macOS; on Windows %LocalAppData%\fwd.
func DefaultStateDir() (string, error) {
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "fwd"), nil
		}
		return "", errors.New("find the state directory: LocalAppData is not set")
	}
	// The specification wants a relative path ignored.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fwd"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the state directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "fwd"), nil
}
