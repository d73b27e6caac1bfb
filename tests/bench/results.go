package main

import (
	"fmt"
	"math"
	"slices"
)

// results are outcomes by item, path and round.
type results map[string]map[string]map[int]outcome

func (r *results) add(item, path string, round int, out outcome) {
	if *r == nil {
		*r = make(results)
	}
	if (*r)[item] == nil {
		(*r)[item] = make(map[string]map[int]outcome)
	}
	if (*r)[item][path] == nil {
		(*r)[item][path] = make(map[int]outcome)
	}
	(*r)[item][path][round] = out
}

// values are a number's, of the rounds that succeeded.
func (r results) values(item, path, number string) []float64 {
	var v []float64
	for _, out := range r[item][path] {
		if n, ok := out.Numbers[number]; ok && !math.IsNaN(n) {
			v = append(v, n)
		}
	}
	slices.Sort(v)
	return v
}

// failures says how often an item failed on a path, and how, as in "wedged 3 of
// 5"; it is empty if that never happened.
func (r results) failures(item, path string) string {
	rounds, failed := r[item][path], make(map[failure]int)
	for _, out := range rounds {
		failed[out.Failure]++
	}
	text := ""
	for _, f := range []failure{wedged, lost, broken} {
		if failed[f] > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%s %d of %d", f, failed[f], len(rounds))
		}
	}
	return text
}

// ratio is the median of a number's ratios on two paths, of the rounds in which
// both succeeded; NaN if there is none.
func (r results) ratio(item, number, path, to string) float64 {
	var ratios []float64
	for round, out := range r[item][path] {
		n, ok := out.Numbers[number]
		m, toOK := r[item][to][round].Numbers[number]
		if ok && toOK && m != 0 {
			ratios = append(ratios, n/m)
		}
	}
	return median(ratios)
}

// bestKubectl is the kubectl path with the better median, or "".
func (r results) bestKubectl(item string, s shown) (best string) {
	for _, p := range paths {
		if !p.isKubectl() {
			continue
		}
		m, than := median(r.values(item, p.name, s.number)), median(r.values(item, best, s.number))
		if math.IsNaN(m) {
			continue
		}
		if math.IsNaN(than) || (m < than) == s.lower {
			best = p.name
		}
	}
	return best
}
