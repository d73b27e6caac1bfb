package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// errNoEngine says what to do on machines that are left to their owners.
var errNoEngine = errors.New("no Docker engine answers: install and start one (https://docs.docker.com/engine/install), " +
	"or run this as root on Debian or Ubuntu, where it does that itself")

// ensureEngine leaves a Docker engine that answers. It starts one only as root
// on Linux, where installTools has installed one if there was none.
func ensureEngine(ctx context.Context, ws *workspace) error {
	if engineAnswers(ctx) {
		return checkRuntime(ctx, ws)
	}
	if !atHome() || !installed("dockerd") {
		return errNoEngine
	}
	return startEngine(ctx, ws)
}

// atHome says whether this is a machine to install and start things on: Linux,
// as root, and no engine named elsewhere.
func atHome() bool {
	return runtime.GOOS == "linux" && os.Geteuid() == 0 && os.Getenv("DOCKER_HOST") == ""
}

// engineAnswers asks the engine for its version; a client alone is not enough.
func engineAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := output(ctx, "docker", "version", "-f", "{{.Server.Version}}")
	return err == nil
}

// ourRuntime is the name under which the engine knows the runtime that asks
// for no capability that the host lacks.
const ourRuntime = "fwd"

// runtimeFlags returns what dockerd has to be told about its runtime here,
// which on most hosts is nothing.
func runtimeFlags(ctx context.Context, ws *workspace) ([]string, error) {
	if !lacksSysResource("/proc/self/status") {
		return nil, nil
	}
	path := ws.path("bin", "runc")
	if err := ws.goBuild(ctx, "runc", ws.root, path, "./tests/cluster/runc", "", true); err != nil {
		return nil, fmt.Errorf("build the container runtime's wrapper: %w", err)
	}
	return []string{"--add-runtime", ourRuntime + "=" + path, "--default-runtime", ourRuntime}, nil
}

// checkRuntime makes sure that an engine which runs already can start a node
// on this host.
func checkRuntime(ctx context.Context, ws *workspace) error {
	flags, err := runtimeFlags(ctx, ws)
	if err != nil || flags == nil {
		return err
	}
	name, err := output(ctx, "docker", "info", "-f", "{{.DefaultRuntime}}")
	if err != nil {
		return err
	}
	if name == ourRuntime {
		return nil
	}
	return fmt.Errorf("this host lacks CAP_SYS_RESOURCE, so its engine needs a runtime of ours and has %q: "+
		"stop that engine and run this again, or start it with %v", name, flags)
}
