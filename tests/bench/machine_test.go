package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseMachine(t *testing.T) {
	want := machineTimes{busy: 24900 * time.Millisecond, idle: 900 * time.Millisecond}
	assert.Equal(t, want, parseMachine("cpu  1000 200 300 40 50 60 70 860 500 100\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	assert.Zero(t, parseMachine(""), "where there is none")
}

func TestMachineBesideBytes(t *testing.T) {
	n := numbers{}
	before := machineTimes{busy: time.Minute, idle: time.Minute}
	n.machine(before, machineTimes{busy: time.Minute + 3*time.Second, idle: time.Minute + time.Second}, 5e8)
	assert.Equal(t, numbers{"CPU whole machine": 6, machineBusy: 75}, n)

	n = numbers{}
	n.machine(machineTimes{}, machineTimes{}, 5e8)
	assert.Empty(t, n, "what is not to be seen is absent")
}
