package main

import (
	"context"
	"slices"
	"time"
)

// A stage is a part of a run with peers of its own.
type stage int

const (
	near  stage = iota // all peers run all the time, and take turns
	far                // the same, with the API server a round trip of farTrip away
	slow               // the same, at slowRate
	apart              // one peer at a time, with an agent of its own
)

// An item is one kind of work. It has either a job for a load generator or, for
// the stage apart, a function.
type item struct {
	name, title string
	stage       stage
	section     string
	quick       bool // is in a quick run, too
	shown       []shown
	job, small  job  // small is for quick runs; without a Load it is job
	cpu         bool // its CPU time is in the report
	dirty       bool // leaves a peer in doubt, so that it starts again
	paths       []string
	run         func(ctx context.Context, b *bench, p path) (numbers, error)
	deadline    time.Duration // of run
}

// shown is one of an item's numbers, in the report.
type shown struct {
	number string // a key of numbers
	title  string
	unit   string
	lower  bool // is better
	chart  bool
}

// measures says whether the item is for a path.
func (i item) measures(p path) bool {
	switch {
	case i.paths != nil:
		return slices.Contains(i.paths, p.name)
	case i.stage == near:
		return true
	}
	return !p.plain // these are never far, and have no client
}

// placed is the title where those of all stages are.
func (i item) placed() string {
	switch i.stage {
	case far:
		return i.title + ", 40 ms away"
	case slow:
		return i.title + ", 40 ms away at 100 Mbit/s"
	}
	return i.title
}

// work is the job for a run of that kind.
func (i item) work(quick bool) job {
	if quick && i.small.Load != "" {
		return i.small
	}
	return i.job
}
