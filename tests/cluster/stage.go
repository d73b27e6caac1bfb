package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stage copies a file into a build context, under directories that it makes.
func stage(from, to string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}

// stageTree copies a tree to a directory of an image whose root is tree. The
// module cache is read-only, so modes are set anew: programs are what lies in
// a bin directory of the image.
func stageTree(from, tree, dir string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name = filepath.Join(dir, name)
		return stage(path, filepath.Join(tree, name), modeOf(name))
	})
}

// modeOf returns the mode of a file by its place in the image.
func modeOf(name string) fs.FileMode {
	if strings.Contains("/"+filepath.ToSlash(name), "/bin/") {
		return 0o755
	}
	return 0o644
}
