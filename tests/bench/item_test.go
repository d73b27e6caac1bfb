package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPlainPathsTakePartWhereTheAPIServerIsNotTheSubject(t *testing.T) {
	for _, i := range items {
		for _, p := range paths {
			if p.plain {
				assert.Equal(t, i.stage == near, i.measures(p), "%s on %s", i.name, p.name)
			}
		}
	}
}
