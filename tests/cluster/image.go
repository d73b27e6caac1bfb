package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// hashLabel is the label that holds what an image was made from, where its tag
// does not.
const hashLabel = "fwd.hash"

// haveImage says whether the engine holds an image.
func haveImage(ctx context.Context, ref string) bool {
	_, err := output(ctx, "docker", "image", "inspect", "-f", "{{.Id}}", ref)
	return err == nil
}

// imageHash returns the label of an image, empty where there is none.
func imageHash(ctx context.Context, ref string) string {
	hash, err := output(ctx, "docker", "image", "inspect", "-f", fmt.Sprintf("{{index .Config.Labels %q}}", hashLabel), ref)
	if err != nil {
		return ""
	}
	return hash
}

// buildImage runs docker build. Legacy engines come without buildx, and then
// the client has to be told to do without.
func (ws *workspace) buildImage(ctx context.Context, logName, dockerfile, dir, tag string, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", append([]string{"build", "-q", "-f", dockerfile, "-t", tag}, append(args, dir)...)...)
	if _, err := output(ctx, "docker", "buildx", "version"); err != nil {
		cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
	}
	return ws.logged(cmd, logName)
}

// removeOtherTags removes older images of a repository. One that is in use
// stays.
func removeOtherTags(ctx context.Context, tag string) {
	repository, _, _ := strings.Cut(tag, ":")
	list, err := output(ctx, "docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository)
	if err != nil {
		return
	}
	for other := range strings.FieldsSeq(list) {
		if other != tag {
			_, _ = output(ctx, "docker", "image", "rm", other)
		}
	}
}
