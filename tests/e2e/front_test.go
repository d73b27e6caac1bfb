//go:build e2e

package e2e

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// front is a server before the API server, which knows it by a path.
type front struct {
	s     *space
	url   string
	ca    []byte // of its certificate, if it has one
	asked atomic.Int32
}

// newFront starts one that speaks with the API server by the TLS that is given,
// and with its clients by TLS or without.
func newFront(s *space, upstream *tls.Config, secure bool) *front {
	s.t.Helper()
	const prefix = "/k8s/clusters/c-1"
	f := &front{s: s}
	target, err := url.Parse(restConfig.Host)
	require.NoError(s.t, err)
	reverse := httputil.NewSingleHostReverseProxy(target)
	reverse.Transport = &http.Transport{TLSClientConfig: upstream}
	server := httptest.NewUnstartedServer(http.StripPrefix(prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/proxy/") {
			f.asked.Add(1)
		}
		reverse.ServeHTTP(w, r)
	})))
	if secure {
		server.StartTLS()
		f.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	} else {
		server.Start()
	}
	s.t.Cleanup(server.Close)
	f.url = server.URL + prefix
	return f
}

// passOn is for a front that shows no credentials but its clients'.
func passOn(t *testing.T) *tls.Config {
	t.Helper()
	c, err := rest.TLSConfigFor(rest.AnonymousClientConfig(restConfig))
	require.NoError(t, err)
	return c
}

// kubeconfig is one that leads here, with the credentials of another.
func (f *front) kubeconfig(from string) string {
	return f.s.edited(from, func(c *clientcmdapi.Cluster, _ *clientcmdapi.AuthInfo) {
		*c = clientcmdapi.Cluster{Server: f.url, CertificateAuthorityData: f.ca}
	})
}

// proxied is how many requests for pods/proxy there were.
func (f *front) proxied() int { return int(f.asked.Load()) }

// edited is a copy of a kubeconfig, which has one cluster and one user, with
// changes.
func (s *space) edited(from string, edit func(*clientcmdapi.Cluster, *clientcmdapi.AuthInfo)) string {
	s.t.Helper()
	config, err := clientcmd.LoadFromFile(from)
	require.NoError(s.t, err)
	for _, c := range config.Clusters {
		for _, user := range config.AuthInfos {
			edit(c, user)
		}
	}
	content, err := clientcmd.Write(*config)
	require.NoError(s.t, err)
	return s.scratch("kubeconfig", content)
}

// stopsAgents stops, when the test ends, the agents that were launched by way
// of another kubeconfig: to them who stops what the space has, it may be
// another cluster.
func (s *space) stopsAgents(kubeconfig string, env ...string) {
	s.t.Cleanup(func() {
		cmd := s.command("fwd-agent", "stop", "--all", "--kubeconfig", kubeconfig)
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		assert.NoError(s.t, err, "%s", out)
	})
}

// connectProxy starts an HTTP proxy that makes connections for its clients, to
// one host, which is the API server. It counts them.
func (s *space) connectProxy(host string) (proxy string, n *atomic.Int32) {
	s.t.Helper()
	n = new(atomic.Int32)
	target, err := url.Parse(restConfig.Host)
	require.NoError(s.t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		far, err := net.Dial("tcp", target.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		n.Add(1)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			far.Close()
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { io.Copy(far, rw); far.Close() }()
		go func() { io.Copy(conn, far); conn.Close() }()
	}))
	s.t.Cleanup(server.Close)
	return server.URL, n
}
