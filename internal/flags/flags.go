// Package flags is the part of the grammar that all laptop commands share:
// which cluster, which target, which agent, and what their errors mean to the
// person at the prompt.
package flags

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// Target says where to go; embed it in a grammar.
type Target struct {
	Target    string `short:"t" env:"FWD_TARGET" placeholder:"KIND/NAME" help:"Pod to be in, or what owns it: pod/x, deploy/x, sts/x, ds/x, rs/x, job/x, cronjob/x, svc/x, rollout/x, label/k=v, each with /container/c if need be. None: a pod of its own."`
	Container string `short:"c" placeholder:"NAME" help:"Container of the target."`
	Cluster
}

// Cluster says which cluster and namespace, as kubectl does.
type Cluster struct {
	Namespace  string   `short:"n" env:"FWD_NAMESPACE" placeholder:"NAME" help:"Namespace. Default: that of the context."`
	Context    string   `env:"FWD_CONTEXT" placeholder:"NAME" help:"Context of the kubeconfig."`
	Kubeconfig string   `placeholder:"FILE" help:"Kubeconfig file. Default: as kubectl."`
	As         string   `placeholder:"USER" help:"User to impersonate."`
	AsGroup    []string `placeholder:"GROUP" help:"Group to impersonate; may be repeated."`
}

// Agent says how an agent is launched; embed it in a grammar.
type Agent struct {
	AgentImage      string            `group:"Agent" env:"FWD_AGENT_IMAGE" placeholder:"IMAGE" help:"Image of the agent."`
	AgentPullPolicy string            `group:"Agent" enum:"Always,IfNotPresent,Never" default:"IfNotPresent" placeholder:"POLICY" help:"When its image is pulled: Always, IfNotPresent or Never."`
	AgentPullSecret []string          `group:"Agent" placeholder:"NAME" help:"Secret to pull it with, if it has a Job; may be repeated."`
	AgentLabel      map[string]string `group:"Agent" placeholder:"K=V" help:"Label of its Job, if it has one; may be repeated."`
	AgentAnnotation map[string]string `group:"Agent" placeholder:"K=V" help:"Annotation of its Job, if it has one; may be repeated."`
	AgentToleration tolerations       `group:"Agent" placeholder:"KEY[=VALUE][:EFFECT]" help:"Taint that its Job tolerates, without a target; may be repeated."`
	AgentIdle       time.Duration     `group:"Agent" default:"5m" placeholder:"TIME" help:"It ends after this long without a client. Default: 5m."`
	AgentStartTime  time.Duration     `group:"Agent" name:"agent-start-timeout" default:"60s" placeholder:"TIME" help:"It must be there within this time. Default: 60s."`
	Placement       string            `group:"Agent" enum:"pod,node" default:"pod" placeholder:"pod|node" help:"Where it runs: in the target's pod, or in a privileged Job on the pod's node, which enters its network. Default: pod."`
	AgentNamespace  string            `group:"Agent" placeholder:"NAME" help:"Namespace of that Job. Default: that of the target."`
	Via             string            `group:"Link" enum:"auto,portforward,proxy" default:"auto" placeholder:"LINK" help:"How the agent is reached: portforward, proxy, which is faster and not possible everywhere, or auto, the fastest that works. Default: auto."`
	Parallel        int               `group:"Link" default:"1" placeholder:"N" help:"Spread connections over up to N links. Default: 1."`
}

// maxParallel keeps a typo from being a burden to the API server.
const maxParallel = 16

// Validate makes a namespace for no Job wrong use, and a number of links that
// makes no sense.
func (a Agent) Validate() error {
	if a.AgentNamespace != "" && fwd.Placement(a.Placement) != fwd.OnNode {
		return errors.New("--agent-namespace needs --placement node")
	}
	if a.Parallel < 1 || a.Parallel > maxParallel {
		return fmt.Errorf("--parallel %d: want 1 to %d", a.Parallel, maxParallel)
	}
	return nil
}

type tolerations []string

// Validate makes one that is none wrong use, by the flag's name.
func (t tolerations) Validate() error {
	for _, s := range t {
		if _, err := launch.ParseToleration(s); err != nil {
			return err
		}
	}
	return nil
}

// Config is what the flags say, for package fwd.
func Config(t Target, a Agent, log zerolog.Logger) fwd.Config {
	cfg := t.Cluster.Config(log)
	cfg.Target, cfg.Container = t.Target, t.Container
	cfg.Via, cfg.Parallel = fwd.Via(a.Via), a.Parallel
	cfg.Agent = fwd.Agent{
		Image:        a.AgentImage,
		PullPolicy:   a.AgentPullPolicy,
		PullSecrets:  a.AgentPullSecret,
		Labels:       a.AgentLabel,
		Annotations:  a.AgentAnnotation,
		Tolerations:  a.AgentToleration,
		Idle:         a.AgentIdle,
		StartTimeout: a.AgentStartTime,
		Placement:    fwd.Placement(a.Placement),
		Namespace:    a.AgentNamespace,
	}
	return cfg
}

// Config is what the flags say, without a target.
func (c Cluster) Config(log zerolog.Logger) fwd.Config {
	return fwd.Config{
		Kubeconfig: c.Kubeconfig,
		Context:    c.Context,
		Namespace:  c.Namespace,
		As:         c.As,
		AsGroups:   c.AsGroup,
		Log:        log,
	}
}
