package main

import (
	"strconv"
	"strings"
	"time"
)

// machineTimes are what all cores together have spent since the machine started;
// zero where that is not to be seen.
type machineTimes struct{ busy, idle time.Duration }

func readMachine() machineTimes { return parseMachine(read("/proc/stat")) }

// parseMachine reads the first line of /proc/stat, "cpu USER NICE SYSTEM IDLE
// IOWAIT IRQ SOFTIRQ STEAL …". Idle is IOWAIT, too; busy is all else, also what
// the hypervisor gave to others.
func parseMachine(stat string) (m machineTimes) {
	line, _, _ := strings.Cut(stat, "\n")
	f := strings.Fields(line)
	if len(f) < 9 {
		return m
	}
	for i, ticks := range f[1:9] { // what follows are guests', which are in USER and NICE
		n, _ := strconv.ParseInt(ticks, 10, 64)
		t := time.Duration(n) * clockTick
		if i == 3 || i == 4 {
			m.idle += t
		} else {
			m.busy += t
		}
	}
	return m
}

const machineBusy = "machine busy"

// machine adds to n what the machine did between two readings, while so many
// bytes came through: how much for each billion, and how busy it was in percent.
func (n numbers) machine(before, after machineTimes, bytes int64) {
	busy, idle := after.busy-before.busy, after.idle-before.idle
	if busy+idle <= 0 {
		return
	}
	n.perGigabyte(cpuTimes{wholeMachine: 0}, cpuTimes{wholeMachine: busy}, bytes)
	n[machineBusy] = 100 * float64(busy) / float64(busy+idle)
}
