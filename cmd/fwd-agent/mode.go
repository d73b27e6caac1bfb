package main

import (
	"fmt"
	"slices"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/pkg/wire"
)

// mode says what is going to happen to connections that -R captures, and who
// answers them. All routes have the same mode.
func (j job) mode() string {
	filtered := !slices.ContainsFunc(j.remotes, func(r deliver.Route) bool { return r.Settings.Filter == nil })
	matching := ""
	if filtered {
		matching = " HTTP requests that match"
	}
	switch {
	case j.remotes[0].Mode == wire.Mirror:
		return "mirroring" + matching + ": the pod still answers; what the local side answers is dropped (--steal lets it answer)"
	case filtered:
		return "stealing" + matching + ": the local side answers them, the pod all others"
	}
	return "stealing: the local side answers instead of the pod"
}

// describe is a route of -R that is in place in a pod.
func describe(pod string, r deliver.Route) string {
	how := string(r.Mode)
	if r.Settings.Filter != nil {
		how += ", filtered"
	}
	return fmt.Sprintf("pod/%s:%v (%s)", pod, r, how)
}
