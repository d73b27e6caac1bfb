package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// installTools installs what a cluster is made with and is missing, on Debian
// and its like and as root; elsewhere it leaves that to those who miss it.
func installTools(ctx context.Context, ws *workspace) error {
	missing := missingPackages(engineAnswers(ctx), installed)
	if len(missing) == 0 || !atHome() || !installed("apt-get") {
		return nil
	}
	return step(fmt.Sprintf("installing %v", missing), "once, about half a minute", func() error {
		if err := ws.logged(exec.CommandContext(ctx, "apt-get", "update"), "apt-update"); err != nil {
			return err
		}
		if err := ws.aptInstall(ctx, missing...); err != nil {
			return err
		}
		if !installed("docker") { // from Debian 13 on the client is a package of its own
			return ws.aptInstall(ctx, "docker-cli")
		}
		return nil
	})
}

// missingPackages returns the Debian packages to install. An engine is asked
// for only where none answers and none is installed.
func missingPackages(engine bool, have func(command string) bool) []string {
	var missing []string
	if !engine && !have("dockerd") {
		missing = append(missing, "docker.io", "runc", "iptables")
	}
	if !have("mmdebstrap") {
		missing = append(missing, "mmdebstrap", "debian-archive-keyring")
	}
	return missing
}

func installed(command string) bool {
	_, err := exec.LookPath(command)
	return err == nil
}

func (ws *workspace) aptInstall(ctx context.Context, packages ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return ws.logged(cmd, "apt-install")
}
