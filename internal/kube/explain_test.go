package kube

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

func TestForbiddenNamesVerbAndResource(t *testing.T) {
	c := (&api{objects: map[string]any{
		podsPath + "/web": status(403, metav1.StatusReasonForbidden,
			`pods "web" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "prod"`),
		apps + "deployments/web": status(403, metav1.StatusReasonForbidden,
			`deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "prod"`),
		podsPath: status(403, metav1.StatusReasonForbidden,
			`users "root" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope`),
	}}).serve(t)
	for arg, want := range map[string]Call{
		"pod/web":       {Verb: "get", Resource: "pods", Namespace: "prod", Name: "web"},
		"deploy/web":    {Verb: "get", Group: "apps", Resource: "deployments", Namespace: "prod", Name: "web"},
		"label/app=web": {Verb: "impersonate", Resource: "users", Namespace: "prod"},
	} {
		_, err := find(t, c, arg, nil)
		var forbidden *ForbiddenError
		require.ErrorAs(t, err, &forbidden, arg)
		assert.Equal(t, want, forbidden.Call, arg)
		assert.EqualError(t, err, `user "jane" is not permitted to `+want.String())
		assert.True(t, Refused(err))
	}
}

// The same status code and reason serve for admission; only its text differs.
func TestAdmissionIsNotForbidden(t *testing.T) {
	call := Call{Verb: "patch", Resource: "pods", Subresource: "ephemeralcontainers", Namespace: "prod", Name: "web"}
	for _, message := range []string{
		`pods "web" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`,
		`jobs.batch "fwd-agent-x" is forbidden: exceeded quota: objects, requested: count/jobs.batch=1, used: 3, limited: 3`,
		`admission webhook "policy.example.com" denied the request: no`,
	} {
		st := status(403, metav1.StatusReasonForbidden, message)
		err := Explain("https://api", call, &apierrors.StatusError{ErrStatus: st})
		var admission *AdmissionError
		require.ErrorAs(t, err, &admission)
		assert.ErrorContains(t, err, message)
		assert.True(t, Refused(err))
	}
}

func TestUnauthorized(t *testing.T) {
	c := (&api{objects: map[string]any{
		podsPath + "/web": status(401, metav1.StatusReasonUnauthorized, "Unauthorized"),
	}}).serve(t)
	_, err := find(t, c, "web", nil)
	var unauthorized *UnauthorizedError
	require.ErrorAs(t, err, &unauthorized)
	assert.ErrorContains(t, err, c.Server())
}

func TestUnreachableNamesTheServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln.Close()
	c, err := NewForConfig(&rest.Config{Host: "http://" + ln.Addr().String()}, "prod", Config{})
	require.NoError(t, err)
	_, err = c.Pod(t.Context(), "web")
	var unreachable *UnreachableError
	require.ErrorAs(t, err, &unreachable)
	assert.Equal(t, "http://"+ln.Addr().String(), unreachable.URL)
	assert.True(t, Refused(err))
}

func TestCancelledRequestIsCancelled(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	defer srv.Close()
	defer close(release)
	c, err := NewForConfig(&rest.Config{Host: srv.URL}, "prod", Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err = c.Pod(ctx, "web")
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, Refused(err))
}

func TestMissingNamespaceIsWhatIsNotFound(t *testing.T) {
	st := status(404, metav1.StatusReasonNotFound, `namespaces "prod" not found`)
	st.Details = &metav1.StatusDetails{Kind: "namespaces", Name: "prod"}
	call := Call{Verb: "create", Group: "batch", Resource: "jobs", Namespace: "prod"}
	err := Explain("https://api", call, &apierrors.StatusError{ErrStatus: st})
	assert.EqualError(t, err, `namespace "prod" not found`)
}

func TestMissingAPIIsNotAMissingObject(t *testing.T) {
	// As of a cluster that has no Argo.
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	c, err := NewForConfig(&rest.Config{Host: srv.URL}, "prod", Config{})
	require.NoError(t, err)
	_, err = find(t, c, "rollout/web", nil)
	_, isObject := errors.AsType[*NotFoundError](err)
	assert.False(t, isObject, "%v", err)
	assert.EqualError(t, err, `get rollouts.argoproj.io "web" in namespace "prod": the cluster does not know this kind`)
	assert.True(t, Refused(err))
}

func TestFailedCredentialPlugin(t *testing.T) {
	err := Explain("https://api", Call{}, errors.New(`Get "https://api/x": getting credentials: exec: executable aws not found`))
	var config *ConfigError
	require.ErrorAs(t, err, &config)
}

func TestCallReads(t *testing.T) {
	assert.Equal(t, `get deployments.apps "web" in namespace "prod"`,
		Call{Verb: "get", Group: "apps", Resource: "deployments", Namespace: "prod", Name: "web"}.String())
	assert.Equal(t, `create pods/portforward "web-1" in namespace "prod"`,
		Call{Verb: "create", Resource: "pods", Subresource: "portforward", Namespace: "prod", Name: "web-1"}.String())
}

func TestUserAgentAndEvents(t *testing.T) {
	seen := make(chan *http.Request, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		reply(w, corev1.EventList{TypeMeta: typed("v1", "EventList"), Items: []corev1.Event{{Reason: "FailedCreate"}}})
	}))
	defer srv.Close()
	c, err := NewForConfig(&rest.Config{Host: srv.URL}, "prod", Config{Version: "1.2.3"})
	require.NoError(t, err)
	events, err := c.Events(t.Context(), "Job", "x")
	require.NoError(t, err)
	require.Len(t, events, 1)
	r := <-seen
	assert.Equal(t, "fwd/1.2.3", r.UserAgent())
	assert.Equal(t, "involvedObject.kind=Job,involvedObject.name=x", r.URL.Query().Get("fieldSelector"))
}
