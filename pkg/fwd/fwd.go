// Package fwd opens connections from this machine as a Kubernetes pod would:
// it puts an agent into the pod's network namespace, or finds the one that is
// there, and dials and resolves through it.
//
//	client, err := fwd.New(fwd.Config{Target: "deploy/web"})
//	conn, err := client.Dial(ctx, "tcp", "db.prod.svc:5432")
//
// The commands fwd-dial, fwd-resolve and fwd-agent are made of it. It prints
// nothing and reads no environment beyond what kubectl reads.
package fwd

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/internal/version"
)

// Config says where to go and how. The zero value is the current kubeconfig
// context and its namespace, without a target.
type Config struct {
	Kubeconfig string   // file; KUBECONFIG or the default when empty
	Context    string   // of the kubeconfig
	Namespace  string   // that of the context when empty
	As         string   // user to impersonate
	AsGroups   []string // groups to impersonate

	// Target is a pod or what owns pods, such as "deploy/web". When empty, the
	// agent is a pod of its own in the namespace ("targetless").
	Target string
	// Container of the target.
	Container string

	// Via is ViaAuto when empty.
	Via Via
	// Parallel is how many links there may be, for streams to be spread over; 1.
	Parallel int

	Agent Agent
	Log   zerolog.Logger
}

// Agent says how an agent is launched. The zero value is right for most.
type Agent struct {
	Image        string            // ghcr.io/fwdtools/fwd-agentd:VERSION
	PullPolicy   string            // Always, IfNotPresent or Never
	PullSecrets  []string          // of the Job, if there is one
	Labels       map[string]string // of the Job and its pod
	Annotations  map[string]string // of the Job and its pod
	Tolerations  []string          // of the Job's pod, when targetless: key[=value][:effect]
	Idle         time.Duration     // without a client until it ends; 5 minutes
	StartTimeout time.Duration     // 60 s
	StateDir     string            // where agents are remembered

	// Privileges are what the agent is to do beyond dialling and resolving. They
	// need a target.
	Privileges Privileges
	// Placement is InPod when empty.
	Placement Placement
	// Namespace is that of the Job of an agent OnNode; the target's when empty.
	Namespace string
}

// Privileges are what an agent may do beyond dialling and resolving. One with
// more than are asked for serves as well.
type Privileges = launch.Privileges

// Placement is where the agent's process is.
type Placement = launch.Placement

// The agent of a target is a container of its pod, or a Job on its node that
// enters the pod's network.
const (
	InPod  = launch.InPod
	OnNode = launch.OnNode
)

// Conn is a connection as the pod has it: a net.Conn with half-close, whose
// peer's reset is a reset here. Errors of the far side match those that
// a dial in the pod would give, such as ECONNREFUSED.
type Conn = session.Stream

func (a Agent) launchConfig(log zerolog.Logger) (launch.Config, error) {
	cfg := launch.Config{
		Image:        a.Image,
		PullPolicy:   corev1.PullPolicy(a.PullPolicy),
		PullSecrets:  a.PullSecrets,
		Labels:       a.Labels,
		Annotations:  a.Annotations,
		Idle:         a.Idle,
		StartTimeout: a.StartTimeout,
		StateDir:     a.StateDir,
		Privileges:   a.Privileges,
		Placement:    a.Placement,
		JobNamespace: a.Namespace,
		Version:      version.String(),
		Log:          log,
	}
	for _, s := range a.Tolerations {
		t, err := launch.ParseToleration(s)
		if err != nil {
			return launch.Config{}, err
		}
		cfg.Tolerations = append(cfg.Tolerations, t)
	}
	return cfg, nil
}

func (c Config) kubeConfig() kube.Config {
	return kube.Config{
		Kubeconfig: c.Kubeconfig,
		Context:    c.Context,
		Namespace:  c.Namespace,
		As:         c.As,
		AsGroups:   c.AsGroups,
		Version:    version.String(),
		Log:        c.Log,
	}
}

// target is Target and Container as one.
func (c Config) target() (kube.Target, error) {
	t, err := kube.ParseTarget(c.Target)
	if err == nil && t.IsZero() && (c.Agent.Placement == OnNode || !c.Agent.Privileges.IsZero()) {
		err = &kube.TargetError{Problem: "want one, since the agent is for its ports or on its node"}
	}
	if err != nil || c.Container == "" {
		return t, err
	}
	return t.WithContainer(c.Container)
}
