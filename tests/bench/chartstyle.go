package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// styleChart writes the chart's style, with other colours where the reader
// prefers dark pages.
func styleChart(b *strings.Builder) {
	b.WriteString("<style>\n")
	rules := func(text, grid string, colour func(int) string) {
		fmt.Fprintf(b, "text{fill:%s}.grid{stroke:%s}.equal{stroke:%s;stroke-width:1.5}", text, grid, text)
		n := 0
		for _, p := range paths {
			if charted(p) {
				fmt.Fprintf(b, ".%s{fill:%s}", p.name, colour(n))
				n++
			}
		}
		b.WriteString("\n")
	}
	b.WriteString(".small{font-size:11px}\n")
	rules("#1f2328", "#d1d9e0", func(i int) string { return colours[i].light })
	b.WriteString("@media (prefers-color-scheme:dark){\n")
	rules("#e6edf3", "#3d444d", func(i int) string { return colours[i].dark })
	b.WriteString("}\n</style>\n")
}

// charted says whether a path has bars: the chart compares with kubectl's, and
// what goes past the API server is no choice beside these.
func charted(p path) bool { return !p.isKubectl() && !p.plain }

// legend writes what the colours mean.
func (r report) legend(b *strings.Builder) {
	x := barLeft
	for _, p := range r.paths {
		if charted(p) {
			fmt.Fprintf(b, `<rect class="%s" x="%d" y="38" width="11" height="11"/>`+"\n", p.name, x)
			fmt.Fprintf(b, `<text x="%d" y="48">%s</text>`+"\n", x+16, escape(p.title))
			x += 40 + 7*len(p.title)
		}
	}
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
