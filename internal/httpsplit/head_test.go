package httpsplit

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPathOfEveryForm(t *testing.T) {
	for target, want := range map[string]string{
		"/a?b=c":                "/a?b=c",
		"/a?u=http://other/b":   "/a?u=http://other/b",
		"http://x/health?y":     "/health?y",
		"HTTPS://x:80/health":   "/health",
		"http://x":              "/",
		"http://x?y=/z":         "/?y=/z",
		"*":                     "*",
		"x:443":                 "x:443",
		"http://user@x:1/a//b?": "/a//b?",
	} {
		assert.Equal(t, want, pathAndQuery(target), target)
	}
}
