package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// made are results of up on five paths: kubectl's better protocol is SPDY, and
// via proxy one round has failed.
func made() results {
	var r results
	for round, n := range []map[string]float64{
		{"kubectl-ws": 90, "kubectl-spdy": 100, raw: 400, relays: 900, viaProx: 300},
		{"kubectl-ws": 95, "kubectl-spdy": 200, raw: 800, viaProx: 800},
		{"kubectl-ws": 99, "kubectl-spdy": 100, raw: 300},
	} {
		for path, v := range n {
			r.add("up", path, round, outcome{Numbers: numbers{"MB/s": v}})
		}
	}
	r.add("up", viaProx, 2, outcome{Failure: wedged, Err: "i/o timeout"})
	return r
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	r := made()
	assert.Equal(t, 3.5, r.ratio("up", "MB/s", viaProx, "kubectl-spdy"))
	assert.Equal(t, 0.875, r.ratio("up", "MB/s", viaProx, raw))
	assert.True(t, math.IsNaN(r.ratio("up", "MB/s", viaPF, raw)), "a path without values")
}

func TestBestKubectl(t *testing.T) {
	r := made()
	assert.Equal(t, "kubectl-spdy", r.bestKubectl("up", shown{number: "MB/s"}))
	assert.Equal(t, "kubectl-ws", r.bestKubectl("up", shown{number: "MB/s", lower: true}))
	assert.Empty(t, r.bestKubectl("down", shown{number: "MB/s"}))
}

func TestFailuresAreCounted(t *testing.T) {
	r := made()
	assert.Equal(t, "wedged 1 of 3", r.failures("up", viaProx))
	assert.Empty(t, r.failures("up", raw))
	r.add("up", viaProx, 3, outcome{Failure: lost})
	assert.Equal(t, "wedged 1 of 4, lost data 1 of 4", r.failures("up", viaProx))
}

func TestRequirements(t *testing.T) {
	r := made()
	for _, tt := range []struct {
		q       requirement
		want    float64
		verdict string
	}{
		{requirement{item: "up", number: "MB/s", path: viaProx, to: kubectl, bound: 2.5}, 3.5, "met"},
		{requirement{item: "up", number: "MB/s", path: viaProx, to: raw, bound: 0.9}, 0.875, "**not met**"},
		{requirement{item: "up", number: "MB/s", path: viaProx, most: true, bound: 600}, 550, "met"},
		{requirement{item: "down", number: "MB/s", path: viaProx, to: kubectl, bound: 2.5}, math.NaN(), "not measured"},
	} {
		v := tt.q.value(r)
		assert.Equal(t, math.IsNaN(tt.want), math.IsNaN(v), "%+v", tt.q)
		if !math.IsNaN(tt.want) {
			assert.InDelta(t, tt.want, v, 1e-9, "%+v", tt.q)
		}
		assert.Equal(t, tt.verdict, tt.q.verdict(v), "%+v", tt.q)
	}
}

// A requirement whose names are misspelled would stay "not measured" for ever.
func TestRequirementsNameWhatIsMeasured(t *testing.T) {
	measured := make(map[string]bool)
	for _, i := range items {
		for _, s := range i.shown {
			for _, p := range paths {
				measured[i.name+" "+s.number+" "+p.name] = i.measures(p)
			}
		}
	}
	for _, q := range requirements {
		assert.True(t, measured[q.item+" "+q.number+" "+q.path], "%+v", q)
	}
}
