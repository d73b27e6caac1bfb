//go:build e2e && measure

package e2e

import (
	"testing"
	"time"
)

// TestMeasureCapture takes the times of calls to a pod directly, copied, past
// a filter, and answered here; and how long a killed command is felt.
func TestMeasureCapture(t *testing.T) {
	s := newSpace(t, nil)
	s.site("web")
	s.backend("source", 7001, "source", "-port", "7001", "-bytes", "268435456")
	port := s.local()
	source := s.localServer("workload", "source", "-port", "0", "-bytes", "268435456")
	load := func(what string, args ...string) {
		args = append([]string{"peer", "load", "-url", "http://web"}, args...)
		s.t.Logf("%s: %s", what, s.inPod("caller", nil, args...))
	}
	bulk := func(what string) {
		begin := time.Now()
		s.inPod("caller", nil, "bash", "-c", "exec 3<>/dev/tcp/source/7001; exec 4<&3; cat <&3 | wc -c")
		took := time.Since(begin)
		s.t.Logf("256 MiB from a server, %s: %v, %.0f MiB/s", what, took, 256/took.Seconds())
	}
	for _, way := range []struct {
		name string
		args []string
	}{
		{"direct", nil},
		{"mirrored", []string{"--mirror", "80:" + port, "7001:" + source}},
		{"past a filter", []string{"--steal", "--http-path", "^/no", "80:" + port, "7001:" + source}},
		{"stolen", []string{"--steal", "80:" + port, "7001:" + source}},
		{"direct again", nil},
	} {
		var listens []*background
		if way.args != nil {
			routes := way.args[len(way.args)-2:]
			flags := way.args[:len(way.args)-2]
			for i, pod := range []string{"web", "source"} {
				listens = append(listens, s.listen(1, append(append([]string{"-t", "pod/" + pod}, flags...), routes[i])...))
			}
		}
		load(way.name+", one at a time", "-n", "2000", "-c", "1")
		load(way.name+", one at a time, a connection each", "-n", "1000", "-c", "1", "-fresh")
		load(way.name+", 500 a second", "-n", "5000", "-c", "20", "-rate", "500")
		load(way.name+", twenty at once", "-n", "10000", "-c", "20")
		bulk(way.name)
		for _, l := range listens {
			l.stop()
		}
	}
}
