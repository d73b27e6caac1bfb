package kube

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/rs/zerolog"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// Config says which cluster, namespace and identity to use. Its zero value
// means what kubectl without flags means.
type Config struct {
	Kubeconfig string   // path; empty: $KUBECONFIG, ~/.kube/config, in-cluster
	Context    string   // empty: the current context
	Namespace  string   // empty: the context's
	As         string   // user to impersonate
	AsGroups   []string // groups to impersonate, only with As
	Version    string   // ours, for the User-Agent
	Log        zerolog.Logger
}

// Cluster is one API server seen through one kubeconfig context. It is safe
// for concurrent use.
type Cluster struct {
	// Namespace is where targets are looked up; never empty.
	Namespace string

	config *rest.Config
	client *rest.RESTClient
	log    zerolog.Logger
}

// New reads the kubeconfig as kubectl does. It does not use the network;
// credential plugins run with the first request. Errors are *ConfigError, or
// *NamespaceError for a namespace that cannot be.
func New(cfg Config) (*Cluster, error) {
	if cfg.Namespace != "" && len(content.IsDNS1123Label(cfg.Namespace)) > 0 {
		return nil, &NamespaceError{Name: cfg.Namespace}
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = cfg.Kubeconfig
	rules.WarnIfAllMissing = false

	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides(cfg))
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, &ConfigError{Err: err}
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, &ConfigError{Err: err}
	}
	return NewForConfig(config, namespace, cfg)
}

// NewForConfig is New for a caller that already has a rest.Config. Of cfg only
// Version and Log are used.
func NewForConfig(config *rest.Config, namespace string, cfg Config) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "fwd/" + cmp.Or(cfg.Version, "devel")
	// A launch polls one pod a few times a second. client-go's default of 5
	// requests a second would make it wait for itself.
	config.QPS, config.Burst = 50, 100
	config.WarningHandlerWithContext = warnings{cfg.Log}
	quietKlog(cfg.Log)

	// Loads the files that the kubeconfig names, so that a missing one is found
	// here and the CA can be part of the identity.
	if err := rest.LoadTLSFiles(config); err != nil {
		return nil, &ConfigError{Err: err}
	}
	client, err := newClient(config)
	if err != nil {
		return nil, &ConfigError{Err: err}
	}
	return &Cluster{Namespace: namespace, config: config, client: client, log: cfg.Log}, nil
}

// RESTConfig returns what client-go needs to reach the API server. The caller
// does not change it.
func (c *Cluster) RESTConfig() *rest.Config { return c.config }

// In returns the same cluster seen from another namespace.
func (c *Cluster) In(namespace string) *Cluster {
	other := *c
	other.Namespace = namespace
	return &other
}

// Server is the API server's URL as the kubeconfig has it.
func (c *Cluster) Server() string { return c.config.Host }

// ID tells this cluster from others: equal for two contexts that reach one API
// server with one CA, different after a test cluster was made anew on the same
// port. It holds no secret.
func (c *Cluster) ID() string {
	ca := sha256.Sum256(c.config.CAData)
	return c.config.Host + "#" + hex.EncodeToString(ca[:8])
}

func overrides(cfg Config) *clientcmd.ConfigOverrides {
	o := &clientcmd.ConfigOverrides{CurrentContext: cfg.Context}
	o.Context.Namespace = cfg.Namespace
	o.AuthInfo.Impersonate = cfg.As
	o.AuthInfo.ImpersonateGroups = cfg.AsGroups
	return o
}

// newClient makes the one REST client; requests name their API group by path.
func newClient(config *rest.Config) (*rest.RESTClient, error) {
	config = rest.CopyConfig(config)
	config.APIPath = "/api"
	config.GroupVersion = &schema.GroupVersion{Version: "v1"}
	config.NegotiatedSerializer = codecs.WithoutConversion()
	// Reading a first pod as JSON takes a tenth of a command's start.
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return rest.RESTClientFor(config)
}

// warnings passes the API server's Warning headers to the log.
type warnings struct{ log zerolog.Logger }

func (w warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _, text string) {
	if code == 299 && text != "" {
		w.log.Warn().Msg(text)
	}
}

// quietKlog keeps client-go's own log off stderr, where it would mix with what
// the commands tell people. klog has one global logger, hence the process-wide
// effect.
func quietKlog(log zerolog.Logger) {
	klog.LogToStderr(false)
	klog.SetOutput(klogWriter{log})
}

type klogWriter struct{ log zerolog.Logger }

func (w klogWriter) Write(b []byte) (int, error) {
	w.log.Debug().Str("from", "client-go").Msg(strings.TrimSpace(string(b)))
	return len(b), nil
}
