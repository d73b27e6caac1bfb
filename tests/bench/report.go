package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A report is all that a run says.
type report struct {
	paths   []path
	items   []item
	results results
	facts   facts
}

// save writes bench.md and bench.svg into a directory.
func (r report) save(dir string) error {
	for name, write := range map[string]func(io.Writer) error{"bench.md": r.markdown, "bench.svg": r.svg} {
		var text strings.Builder
		if err := write(&text); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const introduction = `# Benchmark

` + "`task bench`" + ` writes this page and the chart: it sends the same work through different
paths to one pod, on the kind cluster, with everything on one machine. Paths take turns in
each round, so only ratios of one run mean something. Numbers are medians of the rounds,
with the least and the most in brackets; MB are a million bytes. A ratio is the median of
the rounds' ratios; "kubectl" is the better one of its two protocols. What bounds the
speed is in [performance.md](performance.md).

"Three plain relays" are processes in a row that copy bytes from a local port to the pod,
past the API server, with no TLS and no protocol: as many as fwd-dial, API server and agent
are. Bytes cannot pass through so many much faster on this machine. New connections can:
each is a new one from relay to relay, too, and fwd has one session for all.

![How many times as good as kubectl port-forward](bench.svg)

`

// markdown writes the page.
func (r report) markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(introduction)
	for _, f := range r.facts {
		fmt.Fprintf(&b, "- %s: %s\n", f[0], f[1])
	}
	r.judge(&b)
	for _, section := range sections {
		r.section(&b, section)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// judge writes what was required and what came out.
func (r report) judge(b *strings.Builder) {
	rows := [][]string{{"Requirement", "Bound", "Measured", ""}}
	for _, q := range requirements {
		v := q.value(r.results)
		rows = append(rows, []string{q.text, q.want(), figure(v), q.verdict(v)})
	}
	b.WriteString("\n## What was required\n\n")
	table(b, rows)
}

// A section is a part of the page.
type section struct{ title, about string }

var sections = []section{
	{bulkSection, "One connection unless it says otherwise. Up ends when the server has counted what came."},
	{tripSection, "Connections are new ones through a path that is there; for raw pods/proxy, each is a new TLS connection to the API server."},
	{shareSection, "\"Wedged\" is what did not end by its deadline, \"lost data\" what ended early. After both, the path starts anew."},
	{farSection, "A proxy before the API server holds back what passes for 20 ms each way, and new connections for a round trip. It limits no rate."},
	{slowSection, "The same, and each direction of each connection to the API server has 12.5 MB/s, with 128 KiB of room before it. Here the network is the limit, not the machine."},
	{startSection, "`fwd-dial bench:7000` and the first byte on its standard output; for a local port, the command and a first connection."},
	{memSection, "Resident. Each line has a command and an agent of its own."},
	{cpuSection, "Seconds for a billion bytes, of the processes together. The whole machine's are of all that ran while the data moved: also of the load generator, the server in the pod, the kernel, what has nothing to do with it, what the hypervisor gave to others and, 40 ms away, the proxy that holds back. Where 2 cores are full, throughput cannot be more than 2 s divided by these, in GB/s. Machine busy is in percent of all cores."},
}

// section writes the rows of a section's items, with a column for each path
// that has anything there.
func (r report) section(b *strings.Builder, s section) {
	var lines []line
	for _, i := range r.items {
		lines = append(lines, i.lines(s.title)...)
	}
	var columns []path
	for _, p := range r.paths {
		for _, l := range lines {
			if r.cell(l, p) != absent {
				columns = append(columns, p)
				break
			}
		}
	}
	if len(columns) == 0 {
		return
	}
	rows := [][]string{{s.title}}
	for _, p := range columns {
		rows[0] = append(rows[0], p.title)
	}
	for _, l := range lines {
		row := []string{l.title}
		for _, p := range columns {
			row = append(row, r.cell(l, p))
		}
		rows = append(rows, row)
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", s.title, s.about)
	table(b, rows)
}

// A line is one number of an item.
type line struct {
	title, item, number string
}

// lines are an item's in a section.
func (i item) lines(section string) []line {
	var lines []line
	if i.section == section {
		for _, s := range i.shown {
			lines = append(lines, line{i.label(s), i.name, s.number})
		}
	}
	if i.cpu && section == cpuSection {
		for _, part := range cpuParts {
			lines = append(lines, line{i.placed() + ": " + part + " (s)", i.name, "CPU " + part})
		}
		lines = append(lines, line{i.placed() + ": machine busy (%)", i.name, machineBusy})
	}
	return lines
}

// label is what the report calls a number.
func (i item) label(s shown) string {
	text := i.title
	if s.title != "" {
		text += ": " + s.title
	}
	if s.unit != "" {
		text += " (" + s.unit + ")"
	}
	return text
}

const absent = "–"

func (r report) cell(l line, p path) string {
	values, failures := r.results.values(l.item, p.name, l.number), r.results.failures(l.item, p.name)
	text := figure(median(values))
	if n := len(values); n > 1 {
		text += " (" + figure(values[0]) + "–" + figure(values[n-1]) + ")"
	}
	switch {
	case failures == "":
		return text
	case len(values) == 0:
		return "**" + failures + "**"
	}
	return text + ", **" + failures + "**"
}

// table writes rows, the first of which is the head.
func table(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|--:", len(row)-1) + "|\n")
		}
	}
}

// figure is a number with three digits that count, or absent.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return absent
	case v == 0:
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	return strconv.FormatFloat(v, 'f', min(digits, 4), 64)
}
