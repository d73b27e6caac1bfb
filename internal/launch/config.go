package launch

import (
	"cmp"
	"time"

	"github.com/rs/zerolog"
	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// Config says what agents to launch and where to remember them.
type Config struct {
	// Image is the agent's; empty means the released one of Version.
	Image string
	// PullPolicy is IfNotPresent when empty: the image's tag is a version.
	PullPolicy corev1.PullPolicy
	// PullSecrets, Labels, Annotations and Tolerations are for the Job's pod. An
	// ephemeral container lives with what its pod has.
	PullSecrets         []string
	Labels, Annotations map[string]string
	Tolerations         []corev1.Toleration
	// Privileges are what agents need at least. One with more is as good.
	Privileges Privileges
	// Placement is InPod when empty. With OnNode there must be a target.
	Placement Placement
	// JobNamespace is where the Job of an agent OnNode is made; the target's
	// namespace when empty.
	JobNamespace string

	// Idle is how long an agent without clients stays; 5 minutes when zero.
	Idle time.Duration
	// StartTimeout bounds a launch, image pull included; one minute when zero.
	StartTimeout time.Duration
	// StateDir holds the records of agents; DefaultStateDir when empty.
	StateDir string
	Version  string // ours
	Log      zerolog.Logger
}

// DefaultImage is the agent's image of a release.
func DefaultImage(version string) string {
	return "ghcr.io/fwdtools/fwd-agentd:" + cmp.Or(version, "latest")
}

// Launcher launches agents in one namespace of one cluster. It is safe for
// concurrent use, also by other processes with the same state directory.
type Launcher struct {
	cluster  *kube.Cluster
	cfg      Config
	store    store
	patience patience
	log      zerolog.Logger
}

// New returns a Launcher. It touches neither the network nor the disk.
func New(cluster *kube.Cluster, cfg Config) (*Launcher, error) {
	cfg.Image = cmp.Or(cfg.Image, DefaultImage(cfg.Version))
	cfg.PullPolicy = cmp.Or(cfg.PullPolicy, corev1.PullIfNotPresent)
	cfg.Placement = cmp.Or(cfg.Placement, InPod)
	cfg.JobNamespace = cmp.Or(cfg.JobNamespace, cluster.Namespace)
	cfg.Idle = cmp.Or(cfg.Idle, 5*time.Minute)
	cfg.StartTimeout = cmp.Or(cfg.StartTimeout, time.Minute)
	if cfg.StateDir == "" {
		dir, err := DefaultStateDir()
		if err != nil {
			return nil, err
		}
		cfg.StateDir = dir
	}
	return &Launcher{
		cluster: cluster, cfg: cfg, store: store{dir: cfg.StateDir, log: cfg.Log}, patience: defaultPatience, log: cfg.Log,
	}, nil
}
