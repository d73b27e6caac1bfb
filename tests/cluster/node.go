package main

import (
	"context"
	"strings"
	"time"
)

// kindest is the image that kind's release v0.33.0 published for this minor
// version of Kubernetes.
const kindest = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"

// registryPatience is how long a registry may take to say that it is there.
const registryPatience = 10 * time.Second

// nodeImage returns the node image to use: what is at hand first, else
// kindest/node if a registry has it, else one of our own making.
func nodeImage(ctx context.Context, ws *workspace) (string, error) {
	if haveImage(ctx, kindest) {
		return kindest, nil
	}
	tag, err := builtNodeTag(ws)
	if err != nil || haveImage(ctx, tag) {
		return tag, err
	}
	if canPull(ctx, kindest) {
		return kindest, step("pulling "+kindest, "once, about a minute", func() error {
			_, err := output(ctx, "docker", "pull", "-q", kindest)
			return err
		})
	}
	return tag, buildNode(ctx, ws, tag)
}

// isKindest tells a published node image, which brings its own network and
// storage, from one of ours.
func isKindest(image string) bool { return strings.HasPrefix(image, "kindest/node") }

func canPull(ctx context.Context, image string) bool {
	say("asking for %s (%s at most) …", image, registryPatience)
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	if _, err := output(ctx, "docker", "manifest", "inspect", image); err != nil {
		say("it cannot be pulled here, so the node image is built")
		return false
	}
	return true
}

// builtNodeTag names the node image after everything that it is made from.
func builtNodeTag(ws *workspace) (string, error) {
	parts := []string{nodeRoot.tag()}
	for _, c := range append(nodeComponents, kind) { // kind: its base files are in the image
		hash, err := c.hash(ws)
		if err != nil {
			return "", err
		}
		parts = append(parts, hash)
	}
	files, err := hashTree(ws.source("node", "Dockerfile"), ws.source("node", "control-plane.Dockerfile"),
		ws.source("node", "coredns.Dockerfile"), ws.source("node", "pause.Dockerfile"), ws.source("node", "10-fwd.conflist"))
	if err != nil {
		return "", err
	}
	return "fwd-node:" + hashOf(append(parts, files)...), nil
}

// buildNode builds the node image. The root file system is downloaded while
// the compiler works.
func buildNode(ctx context.Context, ws *workspace, tag string) error {
	return step("building the node image", "once per version, about 11 minutes", func() error {
		root, dirs, err := nodeParts(ctx, ws)
		if err != nil {
			return err
		}
		images, err := componentImages(ctx, ws, root, dirs)
		if err != nil {
			return err
		}
		if err := nodeTree(ctx, ws, tag, root, dirs, images); err != nil {
			return err
		}
		return preload(ctx, tag, images)
	})
}

// nodeParts makes the root file system and all components at once, and returns
// the tag of the one and the directories of the others by name.
func nodeParts(ctx context.Context, ws *workspace) (root string, dirs map[string]string, err error) {
	err = together(ctx,
		func(ctx context.Context) (err error) {
			root, err = nodeRoot.image(ctx, ws)
			return err
		},
		func(ctx context.Context) (err error) {
			dirs, err = buildComponents(ctx, ws)
			return err
		})
	return root, dirs, err
}

func buildComponents(ctx context.Context, ws *workspace) (map[string]string, error) {
	dirs := make(map[string]string)
	for _, c := range nodeComponents {
		dir, err := c.build(ctx, ws)
		if err != nil {
			return nil, err
		}
		dirs[c.name] = dir
	}
	return dirs, nil
}
