package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tailLines is how much of a failed command's log is shown.
const tailLines = 30

// output runs a short command and returns what it printed, without the last
// newline. Its error holds what it printed to stderr.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", commandLine(cmd), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// logged runs a long command with all it prints in a log file of that name.
// Its error holds the end of the log.
func (ws *workspace) logged(cmd *exec.Cmd, logName string) error {
	path := ws.path("log", logName+".log")
	log, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w; the end of %s:\n%s", commandLine(cmd), err, path, tail(path))
	}
	return nil
}

// pipe runs from | to, with what they print to stderr in the error.
func pipe(from, to *exec.Cmd) error {
	var stderr bytes.Buffer
	to.Stderr = &stderr
	stream, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	to.Stdin = stream
	if err := from.Start(); err != nil {
		return fmt.Errorf("%s: %w", commandLine(from), err)
	}
	errTo := to.Run()
	if err := from.Wait(); err != nil && errTo == nil {
		return fmt.Errorf("%s: %w", commandLine(from), err)
	}
	if errTo != nil {
		return fmt.Errorf("%s: %w: %s", commandLine(to), errTo, strings.TrimSpace(stderr.String()))
	}
	return nil
}

// commandLine shortens a command to what tells it from others.
func commandLine(cmd *exec.Cmd) string {
	args := append([]string{filepath.Base(cmd.Args[0])}, cmd.Args[1:]...)
	line := strings.Join(args, " ")
	if len(line) > 80 {
		line = line[:77] + "..."
	}
	return line
}

// tail returns the last lines of a log.
func tail(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
