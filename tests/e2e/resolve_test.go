//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nameSpace is a space with names of every sort: a pod "asker" with an entry of
// its own in /etc/hosts, Services "web" (one address), "peers" (one for each
// of three pods) and "alias" (another name for the first).
func nameSpace(t *testing.T) *space {
	s := newSpace(t, nil)
	spec := podSpec(7000, "workload", "echo", "-port", "7000")
	s.deployment("web", 3, spec)
	s.service("web", 7000)
	for _, svc := range []corev1.Service{
		{
			ObjectMeta: metav1.ObjectMeta{Name: "peers"},
			Spec: corev1.ServiceSpec{
				ClusterIP: corev1.ClusterIPNone,
				Selector:  map[string]string{"app": "web"},
				Ports:     []corev1.ServicePort{{Name: "main", Port: 7000}},
			},
		},
		{
			ObjectMeta: metav1.ObjectMeta{Name: "alias"},
			Spec: corev1.ServiceSpec{
				Type:         corev1.ServiceTypeExternalName,
				ExternalName: "web." + s.name + ".svc.cluster.local",
			},
		},
	} {
		_, err := client.CoreV1().Services(s.name).Create(t.Context(), &svc, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	spec.HostAliases = []corev1.HostAlias{{IP: "10.9.8.7", Hostnames: []string{"legacy-db", "legacy-db.corp.example"}}}
	s.pod("asker", spec)
	return s
}

// The answers are those that programs in the pod get from its C library.
func TestResolveAsThePodDoes(t *testing.T) {
	t.Parallel()
	s := nameSpace(t)
	for _, name := range []string{
		"web", "web." + s.name, "web." + s.name + ".svc", "web." + s.name + ".svc.cluster.local",
		"web." + s.name + ".svc.cluster.local.", "kubernetes.default", "peers", "alias", "asker", "localhost",
		"legacy-db", "legacy-db.corp.example",
	} {
		want := s.inPod("asker", nil, "sh", "-c", "getent ahostsv4 "+name+" | cut -d' ' -f1 | sort -u")
		got := s.ok(s.run(nil, "fwd-resolve", "-t", "pod/asker", "-4", name))
		assert.Equal(t, want, sorted(got), "addresses of %s", name)
	}
	t.Run("nothing but AAAA", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, "::1\n", s.ok(s.run(nil, "fwd-resolve", "-t", "pod/asker", "-6", "ip6-localhost")))
	})
	t.Run("records as dig in the pod shows them", func(t *testing.T) {
		s := s.with(t)
		web := s.ok(s.run(nil, "fwd-resolve", "web"))
		for _, tt := range []struct{ typ, name string }{
			{"SRV", "_main._tcp.web"},
			{"SRV", "_main._tcp.peers"},
			{"CNAME", "alias"},
			{"A", "peers"},
			{"PTR", strings.TrimSpace(web)},
			{"NS", "cluster.local."},
			{"TXT", "dns-version.cluster.local."},
		} {
			dig := []string{"dig", "+search", "+short", tt.name, tt.typ}
			if tt.typ == "PTR" {
				dig = []string{"dig", "+short", "-x", tt.name}
			}
			want := strings.ReplaceAll(s.inPod("asker", nil, dig...), `"`, "")
			require.NotEmpty(t, want, "%v in the pod", dig)
			got := s.ok(s.run(nil, "fwd-resolve", "-t", "pod/asker", "--type", tt.typ, tt.name))
			assert.Equal(t, sorted(want), sorted(got), "%s of %s", tt.typ, tt.name)
		}
	})
	t.Run("an agent of its own knows no pod's hosts file", func(t *testing.T) {
		s := s.with(t)
		assert.Equal(t, 5, s.run(nil, "fwd-resolve", "legacy-db").code)
	})
	t.Run("many names", func(t *testing.T) { s.with(t).manyNames() })
	t.Run("JSON", func(t *testing.T) {
		s := s.with(t)
		r := s.ok(s.run(nil, "fwd-resolve", "--json", "-t", "pod/asker", "--type", "SRV", "_main._tcp.web"))
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(r), &got))
		fqdn := "web." + s.name + ".svc.cluster.local."
		assert.Equal(t, "_main._tcp.web", got["asked"])
		assert.Equal(t, "_main._tcp."+fqdn, got["name"])
		assert.Equal(t, "SRV", got["type"])
		assert.Equal(t, "0 100 7000 "+fqdn, got["data"])
		assert.Positive(t, got["ttl"])
	})
}

// manyNames asks for several names at once, some of which do not exist.
func (s *space) manyNames() {
	names := []string{"web", "no-such-name", "legacy-db"}
	web := strings.TrimSpace(s.ok(s.run(nil, "fwd-resolve", "web")))
	want := fmt.Sprintf("web\t%s\nlegacy-db\t10.9.8.7\n", web)
	for _, r := range []result{
		s.run(nil, "fwd-resolve", append([]string{"-t", "pod/asker"}, names...)...),
		s.run(strings.NewReader(strings.Join(names, "\n")+"\n\n"), "fwd-resolve", "-t", "pod/asker"),
	} {
		assert.Equal(s.t, want, r.stdout)
		assert.Equal(s.t, 5, r.code)
		assert.Contains(s.t, r.stderr, "no-such-name: no such name")
	}
	r := s.run(strings.NewReader(strings.Repeat("web\n", 1000)), "fwd-resolve", "-t", "pod/asker")
	assert.Equal(s.t, strings.Repeat("web\t"+web+"\n", 1000), s.ok(r))
}

func TestResolveSaysThatAName(t *testing.T) {
	t.Parallel()
	s := nameSpace(t)
	for _, tt := range []struct {
		name string
		args []string
		says string
	}{
		{"does not exist", []string{"no-such-name"}, "no-such-name: no such name"},
		{"may be another namespace's", []string{"no-such-name"}, "try NAME.NAMESPACE for a Service of another namespace"},
		{"is not searched for with a dot at its end", []string{"web."}, "web.: no such name"},
		{"has no such record", []string{"-6", "web"}, "web: the name has no record of this type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := s.with(t).run(nil, "fwd-resolve", tt.args...)
			assert.Equal(t, 5, r.code)
			assert.Empty(t, r.stdout)
			assert.Contains(t, r.stderr, tt.says)
		})
	}
}

// sorted is text with its lines in order.
func sorted(text string) string {
	list := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(list)
	return strings.Join(list, "\n") + "\n"
}
