package kube

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTarget(t *testing.T) {
	for _, tc := range []struct {
		arg  string
		want Target
	}{
		{"", Target{}},
		{"web-1", Target{Kind: KindPod, Name: "web-1"}},
		{"web.1", Target{Kind: KindPod, Name: "web.1"}},
		{"web-1/container/app", Target{Kind: KindPod, Name: "web-1", Container: "app"}},
		{"pod/web-1", Target{Kind: KindPod, Name: "web-1"}},
		{"po/web-1", Target{Kind: KindPod, Name: "web-1"}},
		{"pods/web-1", Target{Kind: KindPod, Name: "web-1"}},
		{"deploy/web", Target{Kind: KindDeployment, Name: "web"}},
		{"Deployment/web", Target{Kind: KindDeployment, Name: "web"}},
		{"deployments/web", Target{Kind: KindDeployment, Name: "web"}},
		{"deployment.apps/web", Target{Kind: KindDeployment, Name: "web"}},
		{"deployments.apps/web", Target{Kind: KindDeployment, Name: "web"}},
		{"deployments.v1.apps/web", Target{Kind: KindDeployment, Name: "web"}},
		{"deploy/web/container/app", Target{Kind: KindDeployment, Name: "web", Container: "app"}},
		{"sts/db", Target{Kind: KindStatefulSet, Name: "db"}},
		{"statefulset/db", Target{Kind: KindStatefulSet, Name: "db"}},
		{"ds/node", Target{Kind: KindDaemonSet, Name: "node"}},
		{"daemonsets/node", Target{Kind: KindDaemonSet, Name: "node"}},
		{"rs/web-5d", Target{Kind: KindReplicaSet, Name: "web-5d"}},
		{"replicaset/web-5d", Target{Kind: KindReplicaSet, Name: "web-5d"}},
		{"job/once", Target{Kind: KindJob, Name: "once"}},
		{"jobs.batch/once", Target{Kind: KindJob, Name: "once"}},
		{"cronjob/nightly", Target{Kind: KindCronJob, Name: "nightly"}},
		{"cj/nightly", Target{Kind: KindCronJob, Name: "nightly"}},
		{"svc/web", Target{Kind: KindService, Name: "web"}},
		{"services/web", Target{Kind: KindService, Name: "web"}},
		{"rollout/web", Target{Kind: KindRollout, Name: "web"}},
		{"rollouts.argoproj.io/web", Target{Kind: KindRollout, Name: "web"}},
		{"label/app=web", Target{Kind: KindLabel, Labels: map[string]string{"app": "web"}}},
		{"label/app=web,tier=", Target{Kind: KindLabel, Labels: map[string]string{"app": "web", "tier": ""}}},
		{"label/app.kubernetes.io/name=web/container/app", Target{
			Kind: KindLabel, Labels: map[string]string{"app.kubernetes.io/name": "web"}, Container: "app",
		}},
	} {
		got, err := ParseTarget(tc.arg)
		require.NoError(t, err, "ParseTarget(%q)", tc.arg)
		assert.Equal(t, tc.want, got, "ParseTarget(%q)", tc.arg)
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, tc := range []struct{ arg, want string }{
		{"deploy/", `target "deploy/": the name of the deployment is missing`},
		{"/web", `target "/web": unknown kind "", use one of pod, deployment, statefulset, daemonset, replicaset, job, cronjob, service, rollout, label`},
		{"pod/a/b", `target "pod/a/b": after "a" only /container/NAME may follow`},
		{"deploy/web/app", `target "deploy/web/app": after "web" only /container/NAME may follow`},
		{"deploy/web/container/", `target "deploy/web/container/": the name of the container is missing`},
		{"deploy/web/container/a/b", `target "deploy/web/container/a/b": "a/b" cannot be the name of a container: `},
		{"deplyo/web", `target "deplyo/web": unknown kind "deplyo", did you mean deployment?`},
		{"banana/web", `target "banana/web": unknown kind "banana", use one of pod, `},
		{"Web", `target "Web": "Web" cannot be the name of a pod: `},
		{"web 1", `target "web 1": "web 1" cannot be the name of a pod: `},
		{"label/", `target "label/": the labels are missing, as in label/app=web`},
		{"label/app", `target "label/app": "app" is not key=value`},
		{"label/app=web,", `target "label/app=web,": "" is not key=value`},
		{"label/=web", `target "label/=web": "" cannot be a label's key: `},
		{"label/app=a b", `target "label/app=a b": "a b" cannot be a label's value: `},
		{"label/app=a,app=b", `target "label/app=a,app=b": label "app" has two values`},
	} {
		_, err := ParseTarget(tc.arg)
		_, ok := errors.AsType[*TargetError](err)
		assert.True(t, ok, "ParseTarget(%q) = %v, want a *TargetError", tc.arg, err)
		assert.ErrorContains(t, err, tc.want)
	}
}

func TestTargetWithContainer(t *testing.T) {
	web, err := ParseTarget("deploy/web")
	require.NoError(t, err)

	got, err := web.WithContainer("app")
	require.NoError(t, err)
	assert.Equal(t, "deployment/web/container/app", got.String())

	again, err := got.WithContainer("app")
	require.NoError(t, err)
	assert.Equal(t, got, again)

	_, err = got.WithContainer("db")
	assert.ErrorContains(t, err, `the target already names container "app"`)
	_, err = web.WithContainer("-")
	assert.ErrorContains(t, err, `cannot be the name of a container`)
	_, err = Target{}.WithContainer("app")
	assert.ErrorContains(t, err, "a container needs a target")
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{
		"", "web", "deploy/web", "deploy/web/container/app", "label/a.b/c=d,e=f/container/g", "pod/a/b", "x/container/y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		got, err := ParseTarget(arg)
		if err != nil {
			return
		}
		again, err := ParseTarget(got.String())
		require.NoError(t, err)
		assert.Equal(t, got, again)
	})
}
