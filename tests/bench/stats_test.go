package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		assert.Equal(t, tt.want, median(tt.in), "median(%v)", tt.in)
	}
	assert.True(t, math.IsNaN(median(nil)))
}

func TestQuantileIsAValueThatThereIs(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	assert.Equal(t, 50.0, quantile(hundred, 0.5))
	assert.Equal(t, 99.0, quantile(hundred, 0.99))
	assert.Equal(t, 100.0, quantile(hundred, 1))
	assert.Equal(t, 1.0, quantile(hundred, 0))
	assert.Equal(t, 100.0, hundred[0], "the values stay in their order")
	assert.Equal(t, 2000.0, micros([]time.Duration{time.Millisecond, 2 * time.Millisecond}, 0.99))
}

func TestFigure(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0", 1234.6: "1235", 123.4: "123", 12.34: "12.3", 1.234: "1.23", 0.2345: "0.234", 1.0 / 12: "0.0833", 0.00012: "0.0001",
		math.NaN(): absent,
	} {
		assert.Equal(t, want, figure(in), "figure(%v)", in)
	}
}
