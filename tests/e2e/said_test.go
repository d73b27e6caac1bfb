//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// contextT is what eventually gives its function.
type contextT = context.Context

// said waits until a command has said on stderr that its capture of a pod's
// port is in place.
func (b *background) said(pod string) {
	b.s.t.Helper()
	b.s.eventually("word of "+pod, func(contextT) error { return b.complains("ready") })
}

// complains tells whether the text is in what the command has said on stderr.
func (b *background) complains(text string) error {
	if !strings.Contains(b.stderr.String(), text) {
		return fmt.Errorf("no %q in %q", text, b.stderr)
	}
	return nil
}

// says tells whether the text is at least n times in the command's output.
func (b *background) says(text string, n int) error {
	if strings.Count(b.stdout.String(), text) < n {
		return fmt.Errorf("not %d times %q in %q", n, text, b.stdout)
	}
	return nil
}

// stolen tells whether there are rules in a pod.
func (s *space) stolen(pod string) error {
	if s.rules(pod) == "" {
		return fmt.Errorf("no rule in pod/%s", pod)
	}
	return nil
}

// freePort is a port that nothing listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}
