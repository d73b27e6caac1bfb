package main

import (
	"context"
	"errors"
	"os"
	"time"
)

// up leaves a Ready cluster with our images in it, whatever it finds.
func up(ctx context.Context, ws *workspace) error {
	start := time.Now()
	if err := installTools(ctx, ws); err != nil {
		return err
	}
	if err := ensureEngine(ctx, ws); err != nil {
		return err
	}
	if err := prepare(ctx, ws); err != nil {
		return err
	}
	if err := images(ctx, ws); err != nil {
		return err
	}
	if err := waitForCluster(ctx, 3*time.Minute); err != nil {
		return err
	}
	say("the cluster %s is ready after %s: export KUBECONFIG=%s",
		clusterName, time.Since(start).Round(100*time.Millisecond), ws.kubeconfig())
	return nil
}

// prepare leaves a cluster and its kubeconfig. Meanwhile it has the workload's
// root file system downloaded.
func prepare(ctx context.Context, ws *workspace) error {
	return together(ctx,
		func(ctx context.Context) error {
			_, err := workloadRoot.image(ctx, ws)
			return err
		},
		func(ctx context.Context) error {
			image, err := nodeImage(ctx, ws)
			if err != nil {
				return err
			}
			if err := ensureCluster(ctx, ws, image); err != nil {
				return err
			}
			return exportKubeconfig(ctx, ws)
		})
}

// ensureCluster keeps a cluster that is what it should be and answers, and
// otherwise replaces it.
func ensureCluster(ctx context.Context, ws *workspace, image string) error {
	h, err := readHost(ctx)
	if err != nil {
		return err
	}
	config := kindConfig(image, h)
	mark := hashOf(image, config)
	if clusterMark(ctx) == mark && waitForCluster(ctx, 30*time.Second) == nil {
		return nil
	}
	return step("creating the cluster", "about half a minute", func() error {
		if err := deleteCluster(ctx, ws); err != nil {
			return err
		}
		if err := createCluster(ctx, ws, image, config, mark); err != nil {
			return err
		}
		removeOtherTags(ctx, image)
		return nil
	})
}

// images builds our images and loads those that changed.
func images(ctx context.Context, ws *workspace) error {
	if !engineAnswers(ctx) || clusterMark(ctx) == "" {
		return errors.New("there is no cluster to load images into: run task cluster:up first")
	}
	hash, err := workloadImage(ctx, ws)
	if err != nil {
		return err
	}
	if err := loadImage(ctx, workloadTag, hash); err != nil {
		return err
	}
	if hash, err = agentImage(ctx, ws); err != nil || hash == "" {
		return err
	}
	return loadImage(ctx, agentTag, hash)
}

// down removes the cluster. The engine and all images stay for the next one.
func down(ctx context.Context, ws *workspace) error {
	if err := os.Remove(ws.kubeconfig()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if !engineAnswers(ctx) {
		say("no engine runs, so no cluster does")
		return nil
	}
	return step("deleting the cluster", "a few seconds", func() error { return deleteCluster(ctx, ws) })
}
