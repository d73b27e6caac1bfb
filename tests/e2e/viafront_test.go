//go:build e2e

package e2e

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Both links go the way to the API server, and show the credentials, that the
// kubeconfig says.
func TestViaBehindWhateverIsBeforeTheAPIServer(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	s.pod("echo", podSpec(7000, "workload", "echo", "-port", "7000"))
	hello := func(s *space, kubeconfig string, env ...string) {
		s.t.Helper()
		s.stopsAgents(kubeconfig, env...)
		for _, via := range []string{"portforward", "proxy"} {
			cmd := s.command("fwd-dial", "-v", "--via", via, "--kubeconfig", kubeconfig, "-t", "pod/echo", "localhost:7000")
			cmd.Env = append(cmd.Env, env...)
			r := s.finish(cmd, strings.NewReader("hello\n"))
			assert.Equal(s.t, "hello\n", s.ok(r))
			assert.Contains(s.t, r.stderr, "via "+via)
		}
	}
	t.Run("client certificates", func(t *testing.T) {
		s := s.with(t)
		hello(s, kubeconfig)
	})
	t.Run("a bearer token", func(t *testing.T) {
		s := s.with(t)
		hello(s, s.account(s.documentedRole("fwd-target")))
	})
	t.Run("an exec credential plugin", func(t *testing.T) {
		s := s.with(t)
		withToken := s.account(s.documentedRole("fwd-target"))
		hello(s, s.edited(withToken, func(_ *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) {
			script := s.scratch("plugin", []byte(`echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
				"status": {"token": "`+user.Token+`"}}'`))
			*user = clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
				APIVersion: "client.authentication.k8s.io/v1", Command: "sh", Args: []string{script},
				InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
			}}
		}))
	})
	for name, secure := range map[string]bool{"a path prefix": false, "a path prefix, by TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := s.with(t)
			tlsConfig, err := rest.TLSConfigFor(restConfig)
			require.NoError(t, err)
			front := newFront(s, tlsConfig, secure)
			hello(s, front.kubeconfig(kubeconfig))
			assert.NotZero(t, front.proxied(), "requests for pods/proxy")
		})
	}
	t.Run("HTTPS_PROXY", func(t *testing.T) {
		s := s.with(t)
		const host = "fwd-control-plane:6443" // which only the proxy can find
		_, err := net.LookupHost(node)
		require.Error(t, err)
		through, n := s.connectProxy(host)
		hello(s, s.edited(kubeconfig, func(c *clientcmdapi.Cluster, _ *clientcmdapi.AuthInfo) { c.Server = "https://" + host }),
			"HTTPS_PROXY="+through, "NO_PROXY=")
		assert.GreaterOrEqual(t, n.Load(), int32(3), "connections through the proxy")
	})
	t.Run("proxy-url", func(t *testing.T) {
		s := s.with(t)
		const host = "fwd-control-plane:6443"
		through, n := s.connectProxy(host)
		hello(s, s.edited(kubeconfig, func(c *clientcmdapi.Cluster, _ *clientcmdapi.AuthInfo) {
			c.Server, c.ProxyURL = "https://"+host, through
		}))
		assert.GreaterOrEqual(t, n.Load(), int32(3), "connections through the proxy")
	})
}
