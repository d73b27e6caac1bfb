//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
)

// What docs/rbac.md prints is enough.
func TestDocumentedRolesSuffice(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("echo", 1, podSpec(7000, "workload", "echo", "-port", "7000"))
	s.service("echo", 7000)
	hello := func(s *space, args ...string) {
		s.t.Helper()
		assert.Equal(s.t, "hello\n", s.ok(s.run(strings.NewReader("hello\n"), "fwd-dial", args...)))
	}
	t.Run("fwd-target", func(t *testing.T) {
		s := s.with(t)
		kubeconfig := s.account(s.documentedRole("fwd-target"))
		for _, target := range []string{"pod/" + s.podsOf("echo")[0], "deploy/echo", "svc/echo", "label/app=echo"} {
			hello(s, "--kubeconfig", kubeconfig, "-t", target, "localhost:7000")
		}
		hello(s, "--kubeconfig", kubeconfig, "--via", "proxy", "-t", "deploy/echo", "localhost:7000")
		s.ok(s.run(nil, "fwd-resolve", "--kubeconfig", kubeconfig, "-t", "deploy/echo", "echo"))
		s.ok(s.run(nil, "fwd-agent", "stop", "--all", "--kubeconfig", kubeconfig))
	})
	t.Run("fwd-targetless", func(t *testing.T) {
		s := s.with(t)
		kubeconfig := s.account(s.documentedRole("fwd-targetless"))
		hello(s, "--kubeconfig", kubeconfig, "echo:7000")
		hello(s, "--kubeconfig", kubeconfig, "--via", "proxy", "echo:7000")
		s.ok(s.run(nil, "fwd-agent", "stop", "--all", "--kubeconfig", kubeconfig))
	})
	t.Run("fwd-no-agent", func(t *testing.T) {
		s := s.with(t)
		kubeconfig := s.account(s.documentedRole("fwd-no-agent"))
		_, addrs := s.forward(1, "--kubeconfig", kubeconfig, "--no-agent", "-t", "deploy/echo", "-L", "0:localhost:7000")
		conn, err := net.Dial("tcp", addrs[0])
		require.NoError(t, err)
		defer conn.Close()
		io.WriteString(conn, "hello\n")
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
		answer, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "hello\n", answer)
	})
}

// permission is one verb on one resource.
type permission struct{ verb, group, resource string }

func (p permission) String() string { return p.verb + " " + p.resource }

// without returns rules with one permission less, each of the others in a rule
// of its own; all are the permissions in rules.
func without(rules []rbacv1.PolicyRule, missing permission) (rest []rbacv1.PolicyRule, all []permission) {
	for _, r := range rules {
		for _, resource := range r.Resources {
			for _, verb := range r.Verbs {
				p := permission{verb, r.APIGroups[0], resource}
				all = append(all, p)
				if p != missing {
					rest = append(rest, rbacv1.PolicyRule{
						APIGroups: []string{p.group}, Resources: []string{p.resource}, Verbs: []string{p.verb},
					})
				}
			}
		}
	}
	return rest, all
}

// Where one verb is missing, the command that needs it says which and where it
// is to be added, before it has changed anything.
func TestMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("echo", 1, podSpec(7000, "workload", "echo", "-port", "7000"))
	s.service("echo", 7000)
	pod := s.podsOf("echo")[0]

	for _, role := range []string{"fwd-target", "fwd-targetless"} {
		rules := s.documentedRole(role)
		_, all := without(rules, permission{})
		for _, missing := range all {
			t.Run(role+" without "+missing.String(), func(t *testing.T) {
				s := s.with(t)
				s.state = t.TempDir()
				rest, _ := without(rules, missing)
				kubeconfig := s.account(rest)
				before := s.ephemeral(pod)
				r := s.run(strings.NewReader("hello\n"), "fwd-dial", append([]string{"--kubeconfig", kubeconfig}, needs(role, missing)...)...)
				switch missing.String() {
				case "get pods/portforward": // SPDY is the other way
					assert.Equal(t, "hello\n", s.ok(r))
					s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
					return
				case "delete jobs":
					assert.Equal(t, "hello\n", s.ok(r))
					r = s.run(nil, "fwd-agent", "stop", "--all", "--kubeconfig", kubeconfig)
					s.ok(s.run(nil, "fwd-agent", "stop", "--all"))
				}
				assert.Equal(t, 3, r.code)
				assert.Empty(t, r.stdout)
				asked := missing.String()
				if missing.group != "" {
					asked += "." + missing.group
				}
				assert.Contains(t, r.stderr, "not permitted to "+asked)
				group := missing.group
				if group == "" {
					group = `""`
				}
				assert.Contains(t, r.stderr, fmt.Sprintf("hint: a Role must allow %s on %s (apiGroup %s)", missing.verb, missing.resource, group))
				assert.Equal(t, before, s.ephemeral(pod), "ephemeral containers")
				s.assertClean(t.Context())
			})
		}
	}
}

// needs are the arguments of a fwd-dial that needs a permission of a role.
func needs(role string, p permission) []string {
	if p == proxyVerb { // which is not needed unless it is asked for
		return append([]string{"--via", "proxy"}, needs(role, permission{})...)
	}
	if role == "fwd-targetless" {
		return []string{"echo:7000"}
	}
	kinds := []string{"services", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs", "rollouts"}
	if slices.Contains(kinds, p.resource) {
		// Whether there is one of that name is not even asked.
		return []string{"-t", strings.TrimSuffix(p.resource, "s") + "/echo", "localhost:7000"}
	}
	return []string{"-t", "deploy/echo", "localhost:7000"}
}
