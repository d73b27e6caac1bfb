package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// hashOf names content: equal parts give equal names, and moving bytes from
// one part to the next gives another.
func hashOf(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// hashTree hashes the regular files at or below the paths: their contents and
// their names relative to the path, so that two checkouts agree.
func hashTree(paths ...string) (string, error) {
	var parts []string
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(path, file)
			parts = append(parts, filepath.ToSlash(name), string(raw))
			return err
		})
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", path, err)
		}
	}
	return hashOf(parts...), nil
}
