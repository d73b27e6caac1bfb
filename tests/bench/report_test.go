package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testReport() report {
	return report{
		paths: paths[:7], items: items[:1], results: made(),
		facts: facts{{"Kernel", "6.18"}},
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	require.NoError(t, testReport().markdown(&b))
	text := b.String()
	for _, want := range []string{
		"- Kernel: 6.18\n",
		"| bulk up via proxy | ≥ 2.50 × kubectl | 3.50 | met |\n",
		"| bulk up via proxy | ≥ 0.900 × raw | 0.875 | **not met** |\n",
		"| Bulk data | kubectl, WebSocket | kubectl, SPDY | raw pods/proxy | three plain relays | fwd-dial --via proxy |\n|---|--:|--:|--:|--:|--:|\n",
		"| Up (MB/s) | 95.0 (90.0–99.0) | 100 (100–200) | 400 (300–800) | 900 | 550 (300–800), **wedged 1 of 3** |\n",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "## Memory", "a section of nothing")
}

func TestLinesOfCPUTimeSayHowFarAway(t *testing.T) {
	var titles []string
	for _, i := range items {
		for _, l := range i.lines(cpuSection) {
			titles = append(titles, l.title)
		}
	}
	for _, want := range []string{
		"Up: client (s)", "Down: machine busy (%)", "Up, 40 ms away: whole machine (s)", "Down, 40 ms away: machine busy (%)",
	} {
		assert.Contains(t, titles, want)
	}
	assert.Len(t, titles, 4*(len(cpuParts)+1))
}

func TestChartIsXMLWithABarForEachPath(t *testing.T) {
	var b strings.Builder
	require.NoError(t, testReport().svg(&b))
	rects, texts := make(map[string]int), ""
	for dec := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "%s", b.String())
		switch token := token.(type) {
		case xml.StartElement:
			for _, a := range token.Attr {
				if token.Name.Local == "rect" && a.Name.Local == "class" {
					rects[a.Value]++
				}
			}
		case xml.CharData:
			texts += string(token)
		}
	}
	assert.Equal(t, map[string]int{raw: 2, viaPF: 1, viaProx: 2}, rects, "one in the legend, one for what was measured, and none for what goes past the API server")
	assert.Contains(t, texts, "4.00×")
	assert.Contains(t, texts, "3.50×")
	assert.Contains(t, texts, "prefers-color-scheme:dark")
}

func TestChartOfNothing(t *testing.T) {
	var b strings.Builder
	require.NoError(t, report{}.svg(&b))
	assert.NotContains(t, b.String(), "NaN")
}

func TestThereIsAColourForEachPathOfTheChart(t *testing.T) {
	n := 0
	for _, p := range paths {
		if charted(p) {
			n++
		}
	}
	assert.LessOrEqual(t, n, len(colours))
}
