//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// What does not match is passed to where it was going, so that an app bound to
// one address is reached as before, and only as before.
func TestStealFromAppsBoundToOneAddress(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.caller()
	for name, bound := range map[string]struct{ host, reached, refused string }{
		"its own": {`"$(hostname -i)"`, "POD", "127.0.0.1"},
		"loop":    {"127.0.0.1", "127.0.0.1", "POD"},
		"six":     {"::1", "[::1]", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			pod := "bound-" + name[:3]
			s.pod(pod, podSpec(0, "sh", "-c", "exec peer serve -name pod -port 80 -host "+bound.host))
			s.eventually("a server", func(contextT) error { return s.listensInPod(pod) })
			at := func(host string) string {
				if host == "POD" {
					host = s.podIP(pod)
				}
				return s.inPod(pod, nil, "sh", "-c", "curl -sS --max-time 10 -H x-user:$0 http://"+host+"/ 2>&1 || echo failed", "bob")
			}
			steal := s.listen(1, "--steal", "--http-header", "x-user: alice", "-t", "pod/"+pod, "80:"+s.local())
			assert.NotContains(t, steal.stderr.String(), "nothing listens")
			assert.Contains(t, at(bound.reached), "pod: GET")
			assert.Contains(t, at(bound.refused), "failed")
			steal.stop()
			s.noRules(pod)
		})
	}
}

func TestStealSaysWhatToKnow(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.caller()
	t.Run("nothing listens", func(t *testing.T) {
		s := s.with(t)
		s.pod("quiet", podSpec(0, "sleep", "infinity"))
		steal := s.listen(1, "--steal", "-t", "pod/quiet", "80:"+s.local())
		s.eventually("the warning", func(contextT) error { return steal.complains("nothing listens on port 80") })
		assert.Contains(t, s.call("http://"+s.podIP("quiet")+"/"), "laptop:")
		steal.stop()
	})
	t.Run("a probe knocks at the port", func(t *testing.T) {
		s := s.with(t)
		spec := podSpec(0, "peer", "serve", "-port", "80", "-name", "pod")
		spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 80}}
		spec.Containers[0].LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromString("http")},
		}}
		s.pod("probed", spec)
		steal := s.listen(1, "--steal", "-t", "pod/probed", "80:"+s.local())
		s.eventually("the warning", func(contextT) error { return steal.complains("--not-http-path '^/health'") })
		steal.stop()
	})
	t.Run("the node's own network", func(t *testing.T) {
		s := s.with(t)
		spec := podSpec(0, "sleep", "infinity")
		spec.HostNetwork = true
		s.pod("host", spec)
		r := s.run(nil, "fwd-listen", "--steal", "-t", "pod/host", "8099:9")
		assert.Equal(t, 3, r.code)
		assert.Contains(t, r.stderr, "network")
		assert.Empty(t, s.ephemeral("host"))
	})
}

// The file of another tool, which people have.
func TestStealAsMirrordsFileSays(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.site("web")
	file := s.scratch("mirrord.json", []byte(`{"feature": {"network": {"incoming": {"mode": "steal",
		"http_filter": {"all_of": [{"header": "^x-user: (?!bob)"}, {"path": "^/api"}]}}}}}`))
	steal := s.listen(1, "-f", file, "-t", "pod/web", "80:"+s.local())
	ask := func(user, path string) string { return s.call("-H", "X-User: "+user, "http://web"+path) }
	assert.Contains(t, ask("alice", "/api/x"), "laptop:")
	assert.Contains(t, ask("bob", "/api/x"), "pod:")
	assert.Contains(t, ask("alice", "/x"), "pod:")
	steal.stop()
}

// Every replica, and those that come later.
func TestStealFromAllReplicas(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.deployment("web", 2, podSpec(80, "peer", "serve", "-port", "80", "-name", "pod"))
	s.caller()
	steal := s.start("fwd-listen", "--steal", "--all-pods", "-t", "deploy/web", "80:"+s.local())
	all := func() {
		for _, pod := range s.podsOf("web") {
			s.answers("laptop", "http://"+s.podIP(pod)+"/")
		}
	}
	all()
	gone := s.podsOf("web")[0]
	s.deletePod(gone)
	s.eventually("another replica", func(contextT) error { return s.replicas("web", 2, gone) })
	all()
	steal.stop()
	for _, pod := range s.podsOf("web") {
		s.answers("pod", "http://"+s.podIP(pod)+"/")
		s.noRules(pod)
	}
}
