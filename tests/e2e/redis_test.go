//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A database that is stolen, and answered by another one: two commands, one
// pipe of ports. An HTTP filter on its port leaves it alone.
func TestStealRedis(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	for _, name := range []string{"one", "two"} {
		s.pod(name, podSpec(6379, "redis-server", "--protected-mode", "no", "--save", "", "--port", "6379"))
		s.service(name, 6379)
		s.inPod(name, nil, "redis-cli", "set", "name", name)
	}
	s.caller()
	name := func() string {
		return strings.TrimSpace(s.inPod("caller", nil, "redis-cli", "-h", "one", "get", "name"))
	}
	assert.Equal(t, "one", name())
	_, addrs := s.forward(1, "-t", "pod/two", "-L", "0:localhost:6379")
	steal := s.listen(1, "--steal", "-t", "pod/one", "6379:"+addrs[0])
	assert.Equal(t, "two", name())
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "SET key%d %s\r\n", i, strings.Repeat("x", 100))
	}
	assert.Contains(t, s.inPod("caller", strings.NewReader(b.String()), "redis-cli", "-h", "one", "--pipe"), "errors: 0, replies: 10000")
	steal.stop()
	assert.Equal(t, "one", name())
	assert.Contains(t, s.inPod("two", nil, "redis-cli", "dbsize"), "10001")

	filtered := s.listen(1, "--steal", "--http-path", ".", "-t", "pod/one", "6379:"+addrs[0])
	assert.Equal(t, "one", name())
	assert.Equal(t, "PONG\n", s.inPod("caller", nil, "redis-cli", "-h", "one", "ping"))
	filtered.stop()
	s.noRules("one")
}
