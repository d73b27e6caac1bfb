package mirrord

import (
	"strings"
	"testing"

	"github.com/dlclark/regexp2/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/pkg/wire"
)

// What the wire's filter finds in path and query is what mirrord finds in the
// path alone or in both.
func TestPathFindsWhatMirrordFinds(t *testing.T) {
	expressions := []string{
		"^/api/", "my/path", `^/api/v1/my-endpoint$`, `/b$`, `^(?!/health/)`, `^(?!.*admin)`, `^(?!.*admin$)`,
		`^/a(?=/b$)`, `^/a(?=.*c)`, `b\z`, `x=1$`, `(a|b)$`, `^/[^$]*$`, `^/[])$]*$`, `\$$`, `(?:/a(?!/b)|/c)$`,
		`^/a\b`, `(?<!x)=`, `(?<=/a)$`, `^$`, `/A/B`, `^/a.*b$`, `^/a(?!(?=/b)).*$`,
	}
	targets := []string{
		"/", "/a", "/b", "/a/b", "/a?", "/a?b", "/a/b?x=1", "/a?x=/b", "/api/", "/api/v1/my-endpoint", "/api/v1/my-endpoint?q",
		"/api/v1/my-endpoint/2?q", "/health/x", "/x?/health/", "/x?u=admin", "/admin?x", "/a?b?b", "/a/b?c?d", "/?", "/$", "/$?x",
		"/a]$?b", "/c?d", "*", "/x?y=/a/b?", "/a?x=1&b",
	}
	for _, e := range expressions {
		f, err := readPath("p", e)
		require.NoError(t, err)
		got, err := httpfilter.Compile(&f)
		require.NoError(t, err)
		want := compile(t, "(?i)"+e)
		for _, target := range targets {
			path, _, _ := strings.Cut(target, "?")
			assert.Equal(t, found(t, want, path) || found(t, want, target), got.Match(&httpfilter.Request{Path: target}), "%s in %s", e, target)
		}
	}
}

func TestPathIsLeftAloneWherePossible(t *testing.T) {
	f, err := readPath("p", `^/api/[a-z]+`)
	require.NoError(t, err)
	assert.Equal(t, wire.Filter{Path: `(?i)^/api/[a-z]+`}, f)
}

func compile(t *testing.T, s string) *regexp2.Regexp {
	t.Helper()
	r, err := regexp2.Compile(s)
	require.NoError(t, err)
	return r
}

func found(t *testing.T, r *regexp2.Regexp, s string) bool {
	t.Helper()
	ok, err := r.MatchString(s)
	require.NoError(t, err)
	return ok
}
