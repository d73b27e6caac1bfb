package kube

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: a, cluster: {server: "https://a.example:6443"}}
- {name: b, cluster: {server: "https://b.example:6443"}}
users:
- {name: u, user: {token: t}}
contexts:
- {name: one, context: {cluster: a, user: u}}
- {name: two, context: {cluster: b, user: u, namespace: staging}}
`

func writeConfig(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestNewReadsContexts(t *testing.T) {
	path := writeConfig(t, kubeconfig)
	for _, tc := range []struct {
		cfg               Config
		server, namespace string
	}{
		{Config{}, "https://a.example:6443", "default"},
		{Config{Context: "two"}, "https://b.example:6443", "staging"},
		{Config{Context: "two", Namespace: "prod"}, "https://b.example:6443", "prod"},
	} {
		tc.cfg.Kubeconfig = path
		c, err := New(tc.cfg)
		require.NoError(t, err)
		assert.Equal(t, tc.server, c.Server())
		assert.Equal(t, tc.namespace, c.Namespace)
	}
}

func TestNewReadsKubeconfigList(t *testing.T) {
	second := writeConfig(t, "apiVersion: v1\nkind: Config\ncurrent-context: two\n")
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent")+string(os.PathListSeparator)+second+
		string(os.PathListSeparator)+writeConfig(t, kubeconfig))
	c, err := New(Config{})
	require.NoError(t, err)
	assert.Equal(t, "https://b.example:6443", c.Server())
}

func TestNewImpersonates(t *testing.T) {
	c, err := New(Config{Kubeconfig: writeConfig(t, kubeconfig), As: "jane", AsGroups: []string{"dev"}})
	require.NoError(t, err)
	assert.Equal(t, "jane", c.RESTConfig().Impersonate.UserName)
	assert.Equal(t, []string{"dev"}, c.RESTConfig().Impersonate.Groups)
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	path := writeConfig(t, kubeconfig)
	for name, cfg := range map[string]Config{
		"no such file":    {Kubeconfig: filepath.Join(t.TempDir(), "absent")},
		"no such context": {Kubeconfig: path, Context: "three"},
		"not a config":    {Kubeconfig: writeConfig(t, "{")},
		"a missing CA":    {Kubeconfig: writeConfig(t, `{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x}}], clusters: [{name: x, cluster: {server: "https://x", certificate-authority: /absent}}]}`)},
	} {
		_, err := New(cfg)
		var config *ConfigError
		require.ErrorAs(t, err, &config, name)
		assert.True(t, Refused(err), name)
	}
}

func TestIDTellsClustersApart(t *testing.T) {
	id := func(host, namespace string) string {
		c, err := NewForConfig(&rest.Config{Host: host}, namespace, Config{})
		require.NoError(t, err)
		return c.ID()
	}
	assert.Equal(t, id("http://a", "x"), id("http://a", "y"))
	assert.NotEqual(t, id("http://a", "x"), id("http://b", "x"))
}
