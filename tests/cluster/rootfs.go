package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A rootfs is a Debian root file system that other images stand on.
type rootfs struct {
	name     string
	packages string
	without  string // paths to leave out
	usual    string // how long it takes
}

// suite is bookworm because its systemd runs on cgroup v1 hosts without a
// switch; later ones want one.
const suite = "bookworm"

// docs is what no test reads.
const docs = "/usr/share/man/* /usr/share/doc/* /usr/share/locale/*"

var nodeRoot = rootfs{
	name: "node-root",
	packages: `bash ca-certificates conntrack curl dbus ethtool iproute2 iptables jq kmod
		libseccomp2 mount nftables pigz procps runc socat systemd systemd-sysv util-linux`,
	without: docs,
	usual:   "once, about a minute",
}

// tag names the root file system after what it is made from.
func (r rootfs) tag() string {
	return "fwd-" + r.name + ":" + hashOf(append([]string{suite, r.without}, strings.Fields(r.packages)...)...)
}

// image returns the tag of the root file system as an image, making it if it is
// not there.
func (r rootfs) image(ctx context.Context, ws *workspace) (string, error) {
	tag := r.tag()
	if haveImage(ctx, tag) {
		return tag, nil
	}
	work, remove, err := ws.temp(r.name)
	if err != nil {
		return "", err
	}
	defer remove()
	err = step("making the root file system "+r.name, r.usual, func() error {
		if installed("mmdebstrap") {
			return r.bootstrap(ctx, ws, filepath.Join(work, "root.tar"), tag)
		}
		return r.buildOnDebian(ctx, ws, work, tag)
	})
	if err != nil {
		return "", err
	}
	removeOtherTags(ctx, tag)
	return tag, nil
}

// bootstrap makes the root file system from Debian's packages alone.
func (r rootfs) bootstrap(ctx context.Context, ws *workspace, tar, tag string) error {
	args := []string{"-n", "5", "mmdebstrap", "--variant=minbase", "--include=" + strings.Join(strings.Fields(r.packages), ",")}
	for _, path := range strings.Fields(r.without) {
		args = append(args, "--dpkgopt=path-exclude="+path)
	}
	if err := ws.logged(exec.CommandContext(ctx, "nice", append(args, suite, tar)...), r.name); err != nil {
		return err
	}
	_, err := output(ctx, "docker", "import", tar, tag)
	return err
}

const onDebianDockerfile = `FROM debian:` + suite + `-slim
ARG PACKAGES
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $PACKAGES \
 && rm -rf /var/lib/apt/lists/*
`

// buildOnDebian makes it from Debian's published image, for machines without
// mmdebstrap that reach a registry.
func (r rootfs) buildOnDebian(ctx context.Context, ws *workspace, work, tag string) error {
	dockerfile := filepath.Join(work, "Dockerfile")
	if err := os.WriteFile(dockerfile, []byte(onDebianDockerfile), 0o644); err != nil {
		return err
	}
	err := ws.buildImage(ctx, r.name, dockerfile, work, tag, "--build-arg", "PACKAGES="+strings.Join(strings.Fields(r.packages), " "))
	if err != nil {
		return fmt.Errorf("%w\neither install mmdebstrap, or run this where debian:%s-slim can be pulled", err, suite)
	}
	return nil
}
