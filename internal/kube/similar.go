package kube

import (
	"cmp"
	"slices"
	"strings"
)

// maxSimilar is how many names an error suggests.
const maxSimilar = 3

// similar returns the few of names that someone who typed name may have meant,
// best first: names that are a few edits away, or begin with it or end in it.
func similar(name string, names []string) []string {
	if name == "" {
		return nil
	}
	type candidate struct {
		name string
		edit int
	}
	var found []candidate
	for _, n := range names {
		if n == name {
			continue
		}
		d := distance(name, n)
		if d <= 1+len(name)/4 || strings.HasPrefix(n, name+"-") || strings.HasSuffix(n, "-"+name) {
			found = append(found, candidate{n, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.edit, b.edit), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, c := range found[:min(len(found), maxSimilar)] {
		out = append(out, c.name)
	}
	return out
}

// distance is the edit distance of Levenshtein, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal
			} else {
				row[j+1] = 1 + min(diagonal, above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
