package main

import (
	"context"
	"os"
	"path/filepath"
)

const (
	agentTag     = "ghcr.io/fwdtools/fwd-agentd:dev"
	agentTarget  = "./cmd/fwd-agentd"
	agentVersion = "dev" // what commands built without a version say of themselves
)

const agentDockerfile = `FROM scratch
ARG HASH
LABEL ` + hashLabel + `=$HASH
COPY fwd-agentd /fwd-agentd
USER 65532:65532
ENTRYPOINT ["/fwd-agentd"]
`

// agentImage builds the agent's image if it is not there as it should be, and
// returns its hash; that is empty where the agent's source is not there yet.
func agentImage(ctx context.Context, ws *workspace) (hash string, err error) {
	if _, err := os.Stat(filepath.Join(ws.root, agentTarget)); err != nil {
		say("%s is not there, so no agent image is built", agentTarget)
		return "", nil
	}
	return ws.programImage(ctx, program{
		name: "fwd-agentd", targets: []string{agentTarget}, ldflags: " -X github.com/fwdtools/fwd/internal/version.version=" + agentVersion,
		tag: agentTag, dockerfile: agentDockerfile,
	})
}
