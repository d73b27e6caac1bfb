package main

import (
	"fmt"
	"math"
)

// A requirement is what must come out: a number on a path, or its ratio to that
// on another.
type requirement struct {
	text         string
	item, number string
	path, to     string // to is a path, kubectl for the better one of these, or ""
	most         bool   // the bound is the most that may be, else the least
	bound        float64
	unit         string
}

// requirements are in the order of the report.
var requirements = func() []requirement {
	var all []requirement
	for _, way := range []string{"up", "down"} {
		all = append(all,
			requirement{"bulk " + way + " via proxy", way, "MB/s", viaProx, kubectl, false, 2.5, "× kubectl"},
			requirement{"bulk " + way + " via proxy", way, "MB/s", viaProx, raw, false, 0.9, "× raw"},
			requirement{"bulk " + way + " via portforward", way, "MB/s", viaPF, kubectl, false, 1.5, "× kubectl"})
	}
	all = append(all,
		requirement{"round trip via proxy", "trips", "p50", viaProx, kubectl, true, 0.3, "× kubectl"},
		requirement{"connect and first byte via proxy", "connect", "p50", viaProx, kubectl, true, 1.0 / 12, "× kubectl"},
		requirement{"connect and first byte via portforward", "connect", "p50", viaPF, kubectl, true, 1.0 / 4, "× kubectl"})
	for _, way := range []string{"up", "down"} {
		all = append(all, requirement{"40 ms away, bulk " + way + " via proxy", "far-" + way, "MB/s", viaProx, raw, false, 0.85, "× raw"})
	}
	for _, path := range []string{viaPF, viaProx} {
		via := " via " + path[len("fwd-"):]
		all = append(all,
			requirement{"40 ms away, connect and first byte" + via, "far-connect", "round trips", path, "", true, 1.1, "round trips"},
			requirement{"kept beside a stalled stream" + via, "stalled", "kept", path, "", false, 0.9, "of the throughput"},
			requirement{"99th percentile beside bulk down" + via, "beside-down", "p99 ratio", path, "", true, 3, "× alone"},
			requirement{"99th percentile beside bulk up" + via, "beside-up", "p99 ratio", path, "", true, 3, "× alone"},
			requirement{"at 100 Mbit/s, 99th percentile beside bulk down" + via, "slow-beside-down", "p99 ratio", path, "", true, 3, "× alone"},
			requirement{"at 100 Mbit/s, 99th percentile beside bulk up" + via, "slow-beside-up", "p99 ratio", path, "", true, 3, "× alone"},
			requirement{"agent with a client and no stream" + via, "idle-0", "agent", path, "", true, 15, "MiB"},
			requirement{"agent with 1000 active streams" + via, "active-1000", "agent", path, "", true, 64, "MiB"},
			requirement{"agent with 10,000 idle streams" + via, "idle-10000", "agent", path, "", true, 100, "MiB"},
			requirement{"warm start" + via, "warm", "ms", path, "", true, 100, "ms"},
			requirement{"warm start" + via + ", CPU time of the command", "warm", "own", path, "", true, 25, "ms"})
	}
	return append(all, requirement{"fwd-dial --help", "help", "ms", viaProx, "", true, 15, "ms"})
}()

// value is what came out; NaN if that was not measured.
func (q requirement) value(r results) float64 {
	to := q.to
	if to == kubectl {
		to = r.bestKubectl(q.item, shown{number: q.number, lower: q.most})
	}
	if to == "" && q.to == "" {
		return median(r.values(q.item, q.path, q.number))
	}
	return r.ratio(q.item, q.number, q.path, to)
}

// met says whether a value will do.
func (q requirement) met(v float64) bool {
	if q.most {
		return v <= q.bound
	}
	return v >= q.bound
}

// verdict is met in words, for a value that may be absent.
func (q requirement) verdict(v float64) string {
	switch {
	case math.IsNaN(v):
		return "not measured"
	case q.met(v):
		return "met"
	}
	return "**not met**"
}

// want is the bound in words.
func (q requirement) want() string {
	sign := "≥"
	if q.most {
		sign = "≤"
	}
	return fmt.Sprintf("%s %s %s", sign, figure(q.bound), q.unit)
}
