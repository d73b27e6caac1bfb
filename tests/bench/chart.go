package main

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// A bar is how many times as good a path is as the better kubectl.
type bar struct {
	path  path
	times float64
}

// bars are the chart's, in groups of what was measured.
func (r report) bars() (titles []string, groups [][]bar) {
	for _, i := range r.items {
		for _, s := range i.shown {
			best := r.results.bestKubectl(i.name, s)
			if !s.chart || best == "" {
				continue
			}
			var group []bar
			for _, p := range r.paths {
				times := r.results.ratio(i.name, s.number, p.name, best)
				if s.lower {
					times = 1 / times
				}
				if charted(p) && !math.IsNaN(times) {
					group = append(group, bar{p, times})
				}
			}
			if len(group) > 0 {
				title := i.placed()
				if strings.HasPrefix(s.title, "99th") {
					title += ", 99th percentile"
				}
				titles, groups = append(titles, title), append(groups, group)
			}
		}
	}
	return titles, groups
}

const (
	chartWidth = 860
	barLeft    = 20
	barRight   = chartWidth - 60 // room for a value
	barHeight  = 13
	chartTop   = 86
)

// colours are those of bars, for light and for dark: each is told from both
// backgrounds, and from the others in grey, too.
var colours = []struct{ light, dark string }{
	{"#9aa0a6", "#7d838a"}, {"#4a90d9", "#5b9fe6"}, {"#1d3f72", "#b9d6fb"}, {"#b5651d", "#e0a060"}, {"#6a4c93", "#c3a6e8"},
}

// svg writes the chart, which is logarithmic: twice as good is as far from
// equal as half as good.
func (r report) svg(w io.Writer) error {
	titles, groups := r.bars()
	low, high := 1.0, 2.0
	height := chartTop
	for _, g := range groups {
		for _, b := range g {
			low, high = min(low, b.times), max(high, b.times)
		}
		height += 26 + len(g)*(barHeight+2)
	}
	at := func(times float64) float64 {
		span := math.Log(high) - math.Log(low)
		return barLeft + (barRight-barLeft)*(math.Log(times)-math.Log(low))/span
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="12">`+"\n",
		chartWidth, height+10, chartWidth, height+10)
	styleChart(&b)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="16" font-weight="600">How many times as good as kubectl port-forward</text>`+"\n", barLeft)
	r.legend(&b)
	for _, times := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100} {
		if times < low || times > high {
			continue
		}
		class := "grid"
		if times == 1 {
			class = "equal"
		}
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", class, at(times), at(times), chartTop-10, height)
		fmt.Fprintf(&b, `<text class="small" x="%.1f" y="%d" text-anchor="middle">%g×</text>`+"\n", at(times), chartTop-16, times)
	}
	y := chartTop
	for k, g := range groups {
		y += 14
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", barLeft, y, escape(titles[k]))
		y += 4
		for _, one := range g {
			from, to := min(at(1), at(one.times)), max(at(1), at(one.times))
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", one.path.name, from, y, max(to-from, 1), barHeight)
			fmt.Fprintf(&b, `<text class="small" x="%.1f" y="%d">%s×</text>`+"\n", to+4, y+barHeight-3, figure(one.times))
			y += barHeight + 2
		}
		y += 8
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
