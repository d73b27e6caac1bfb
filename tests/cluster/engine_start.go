package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// enginePatience is how long dockerd may take to answer.
const enginePatience = time.Minute

// startEngine starts the engine: through systemd where that runs, else by
// itself, so that it outlives this command.
func startEngine(ctx context.Context, ws *workspace) error {
	flags, err := runtimeFlags(ctx, ws)
	if err != nil {
		return err
	}
	return step("starting the Docker engine", "about 5 seconds", func() error {
		if _, err := os.Stat("/run/systemd/system"); err == nil && flags == nil {
			if err := ws.logged(exec.CommandContext(ctx, "systemctl", "start", "docker"), "systemctl"); err != nil {
				return err
			}
			return waitForEngine(ctx, make(chan error), "the journal of docker.service")
		}
		for _, pidFile := range []struct{ path, command string }{
			{"/var/run/docker.pid", "dockerd"},
			{"/var/run/docker/containerd/containerd.pid", "containerd"},
		} {
			if stalePID(pidFile.path, pidFile.command, "/proc") {
				_ = os.Remove(pidFile.path)
			}
		}
		return startDockerd(ctx, ws.path("log", "dockerd.log"), flags)
	})
}

func startDockerd(ctx context.Context, logPath string, flags []string) error {
	log, err := os.Create(logPath)
	if err != nil {
		return fmt.Errorf("open the log of dockerd: %w", err)
	}
	defer log.Close()
	cmd := exec.Command("dockerd", flags...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return err
	}
	exitc := make(chan error, 1) // gets dockerd's end, if that comes while we wait
	go func() { exitc <- cmd.Wait() }()
	return waitForEngine(ctx, exitc, logPath)
}

// waitForEngine waits until the engine answers or has ended.
func waitForEngine(ctx context.Context, exitc <-chan error, logPath string) error {
	ctx, cancel := context.WithTimeout(ctx, enginePatience)
	defer cancel()
	for !engineAnswers(ctx) {
		select {
		case err := <-exitc:
			return fmt.Errorf("dockerd ended: %v; the end of %s:\n%s", err, logPath, tail(logPath))
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer after %s, see %s: %w", enginePatience, logPath, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
	return nil
}

// stalePID says whether a pid file names a process that is not, or no longer,
// that command. dockerd refuses to start if some other process got its number.
func stalePID(pidFile, command, proc string) bool {
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		return false
	}
	comm, err := os.ReadFile(filepath.Join(proc, strings.TrimSpace(string(pid)), "comm"))
	return err != nil || strings.TrimSpace(string(comm)) != command
}
