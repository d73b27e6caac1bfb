package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A program is one or more Go commands of this repository with an image around
// them.
type program struct {
	name       string   // of the cache directory and the log
	targets    []string // packages; their binaries have the last part's name
	ldflags    string
	tag        string
	dockerfile string
	root       string // image to stand on, for dockerfiles that ask for ROOT
}

// programImage compiles the program and, if that or its Dockerfile changed,
// builds its image. It returns the hash of both.
func (ws *workspace) programImage(ctx context.Context, p program) (hash string, err error) {
	dir := ws.path("program", p.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the program cache: %w", err)
	}
	var binaries []string
	for _, target := range p.targets {
		binary := filepath.Join(dir, filepath.Base(target))
		if err := ws.goBuild(ctx, p.name, ws.root, binary, target, p.ldflags, false); err != nil {
			return "", fmt.Errorf("compile %s: %w", target, err)
		}
		binaries = append(binaries, binary)
	}
	dockerfile := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(dockerfile, []byte(p.dockerfile), 0o644); err != nil {
		return "", fmt.Errorf("build the image of %s: %w", p.name, err)
	}
	built, err := hashTree(binaries...)
	if err != nil {
		return "", err
	}
	hash = hashOf(built, p.dockerfile, p.root)
	if imageHash(ctx, p.tag) == hash {
		return hash, nil
	}
	return hash, step("building the image "+p.tag, "a few seconds", func() error {
		old, _ := output(ctx, "docker", "image", "inspect", "-f", "{{.Id}}", p.tag) // none is fine
		err := ws.buildImage(ctx, "image-"+p.name, dockerfile, dir, p.tag,
			"--build-arg", "ROOT="+p.root, "--build-arg", "HASH="+hash)
		if err == nil && old != "" {
			_, _ = output(ctx, "docker", "image", "rm", old) // now without a name; else they pile up
		}
		return err
	})
}
