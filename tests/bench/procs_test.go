package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseStat(t *testing.T) {
	p, ok := parseStat(7, []byte("7 (a) b (c)) S 3 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 9 0 0"))
	assert.True(t, ok)
	assert.Equal(t, proc{pid: 7, parent: 3, name: "a) b (c)", cpu: 3 * time.Second}, p)
	_, ok = parseStat(7, []byte("7 (short) S 3"))
	assert.False(t, ok)
}

func TestBelow(t *testing.T) {
	all := map[int]proc{1: {pid: 1}, 2: {pid: 2, parent: 1}, 3: {pid: 3, parent: 2}, 9: {pid: 9, parent: 1}}
	assert.True(t, below(all, all[3], 2))
	assert.True(t, below(all, all[2], 2))
	assert.False(t, below(all, all[9], 2))
}

func TestPerGigabyte(t *testing.T) {
	n := numbers{}
	n.perGigabyte(cpuTimes{"client": time.Second}, cpuTimes{"client": 3 * time.Second}, 5e8)
	assert.Equal(t, numbers{"CPU client": 4}, n)
}
