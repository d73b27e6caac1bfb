//go:build linux

package enter

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of a file of somebody else's.
const maxFile = 1 << 20

// files by which the pod resolves names, by path.
type files map[string][]byte

func readFiles(pid int) (files, error) {
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("look at the pod's files: %w", err)
	}
	defer unix.Close(root)
	all := make(files)
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		text, err := read(root, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read the pod's %s: %w", path, err)
		}
		all[path] = text
	}
	return all, nil
}

// take makes them ours. They are copied, since a mount would take more
// privileges, and the pod's resolv.conf does not change. Kubernetes gives each
// container files of its own there, so nobody else sees it.
func (all files) take() error {
	for path, text := range all {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("resolve names as the pod does: %w", err)
		}
	}
	return nil
}

// read reads a file below root; what links say is below root, too.
func read(root int, path string) ([]byte, error) {
	fd, err := unix.Openat2(root, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
