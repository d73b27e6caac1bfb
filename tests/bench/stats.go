package main

import (
	"math"
	"slices"
	"time"
)

// quantile is the value that a share q of values does not exceed, the nearest
// one that there is; NaN without values. It does not sort values in place.
func quantile[T time.Duration | float64](values []T, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return float64(sorted[max(i, 0)])
}

// median is the mean of the two middle values where there are two; NaN without
// values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	m := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[m]
	}
	return (sorted[m-1] + sorted[m]) / 2
}

// micros is a quantile in microseconds.
func micros(times []time.Duration, q float64) float64 { return quantile(times, q) / 1e3 }

// milliseconds is d, with its fraction.
func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }
