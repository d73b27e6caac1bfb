package kube

import (
	"maps"
	"slices"
	"strings"
)

// Kind is a kind of object that a target can name.
type Kind struct {
	Name     string // singular and lower case: "deployment"
	Group    string // API group, empty for core
	Version  string
	Resource string // plural, as in URLs and Roles: "deployments"

	aliases []string // short names
}

// String returns the singular name.
func (k Kind) String() string { return k.Name }

// The kinds, and labels, which is not one but reads like one: label/app=web.
var (
	KindPod         = Kind{"pod", "", "v1", "pods", []string{"po"}}
	KindDeployment  = Kind{"deployment", "apps", "v1", "deployments", []string{"deploy"}}
	KindStatefulSet = Kind{"statefulset", "apps", "v1", "statefulsets", []string{"sts"}}
	KindDaemonSet   = Kind{"daemonset", "apps", "v1", "daemonsets", []string{"ds"}}
	KindReplicaSet  = Kind{"replicaset", "apps", "v1", "replicasets", []string{"rs"}}
	KindJob         = Kind{"job", "batch", "v1", "jobs", nil}
	KindCronJob     = Kind{"cronjob", "batch", "v1", "cronjobs", []string{"cj"}}
	KindService     = Kind{"service", "", "v1", "services", []string{"svc"}}
	KindRollout     = Kind{"rollout", "argoproj.io", "v1alpha1", "rollouts", []string{"ro"}}
	KindLabel       = Kind{"label", "", "v1", "pods", []string{"labels"}}
)

var kinds = []Kind{
	KindPod, KindDeployment, KindStatefulSet, KindDaemonSet, KindReplicaSet,
	KindJob, KindCronJob, KindService, KindRollout, KindLabel,
}

// kindNames maps every spelling that kubectl takes to its kind: singular,
// plural, short, and each with its group.
var kindNames = func() map[string]Kind {
	m := map[string]Kind{}
	for _, k := range kinds {
		names := append([]string{k.Name}, k.aliases...)
		if k.Name != KindLabel.Name {
			names = append(names, k.Resource)
		}
		for _, name := range names {
			m[name] = k
			if k.Group != "" {
				m[name+"."+k.Group] = k
				m[name+"."+k.Version+"."+k.Group] = k
			}
		}
	}
	return m
}()

// lookupKind finds a kind by any of its names, in any case.
func lookupKind(name string) (Kind, bool) {
	k, ok := kindNames[strings.ToLower(name)]
	return k, ok
}

// knownKinds is what people are told who typed another kind.
func knownKinds() string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// likelyKind returns the kind that name is a misspelling of, or "".
func likelyKind(name string) string {
	if near := similar(strings.ToLower(name), slices.Sorted(maps.Keys(kindNames))); len(near) > 0 {
		return kindNames[near[0]].Name
	}
	return ""
}
