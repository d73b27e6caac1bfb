package main

import "context"

// workloadTag is the image that test pods run. Nothing starts in it by itself:
// a pod says which of its programs to run.
const workloadTag = "fwd-workload:dev"

var workloadRoot = rootfs{
	name: "workload-root",
	packages: `bind9-dnsutils ca-certificates curl iperf3 iproute2 ncat nginx-light openssh-client
		openssh-server postgresql procps python3 redis-server socat`,
	// PostgreSQL works without its compiler, which is a third of everything.
	without: docs + " /usr/lib/*/libLLVM* /usr/lib/*/libz3.so* /usr/lib/postgresql/*/lib/bitcode/* " +
		"/usr/lib/postgresql/*/lib/llvmjit* /usr/share/i18n/*",
	usual: "once, 1 to 2 minutes",
}

const workloadDockerfile = `ARG ROOT
FROM $ROOT
ARG HASH
LABEL ` + hashLabel + `=$HASH
COPY workload peer /usr/local/bin/
`

// workloadImage builds the workload image if it is not there as it should be,
// and returns its hash.
func workloadImage(ctx context.Context, ws *workspace) (hash string, err error) {
	root, err := workloadRoot.image(ctx, ws)
	if err != nil {
		return "", err
	}
	return ws.programImage(ctx, program{
		name: "workload", targets: []string{"./tests/workload", "./tests/peer"}, tag: workloadTag,
		dockerfile: workloadDockerfile, root: root,
	})
}
