package link

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/fwdtools/fwd/internal/kube"
)

func idle(httpstream.Stream, httpstream.Connection) string { return "" }

func TestDialPrefersWebSocket(t *testing.T) {
	n := newNode(t, &node{serve: idle})
	conn, err := n.dialer().Dial(t.Context())
	require.NoError(t, err)
	defer conn.Close()

	r := <-n.requests
	assert.Equal(t, http.MethodGet, r.Method)
	assert.Equal(t, "/api/v1/namespaces/prod/pods/web-1/portforward", r.URL.Path)
	assert.Empty(t, n.requests)
	assert.Equal(t, "prod/web-1:61234", conn.RemoteAddr().String())
	assert.Equal(t, "portforward", conn.RemoteAddr().Network())
}

func TestDialFallsBackToSPDYAndRemembers(t *testing.T) {
	n := newNode(t, &node{serve: idle, noWebSocket: true})
	d := n.dialer()
	for range 2 {
		conn, err := d.Dial(t.Context())
		require.NoError(t, err)
		defer conn.Close()
	}
	var methods []string
	for range 3 {
		methods = append(methods, (<-n.requests).Method)
	}
	assert.Equal(t, []string{"GET", "POST", "POST"}, methods)
	assert.Empty(t, n.requests)
}

func TestDialSendsCredentialsAndImpersonation(t *testing.T) {
	for name, noWebSocket := range map[string]bool{"WebSocket": false, "SPDY": true} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, &node{serve: idle, noWebSocket: noWebSocket})
			d := NewPortForward(&rest.Config{
				Host: n.URL, BearerToken: "secret", UserAgent: "fwd/1",
				Impersonate: rest.ImpersonationConfig{UserName: "jane"},
			}, "prod", "web-1", 61234, zerolog.Nop())
			conn, err := d.Dial(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			for range len(n.requests) {
				h := (<-n.requests).Header
				assert.Equal(t, "Bearer secret", h.Get("Authorization"))
				assert.Equal(t, "jane", h.Get("Impersonate-User"))
				assert.Equal(t, "fwd/1", h.Get("User-Agent"))
			}
		})
	}
}

func TestDialForbiddenNamesThePermission(t *testing.T) {
	d := refuse(t, 403, metav1.StatusReasonForbidden,
		`pods "web-1" is forbidden: User "jane" cannot create resource "pods/portforward" in API group "" in the namespace "prod"`)
	_, err := d.Dial(t.Context())
	var forbidden *kube.ForbiddenError
	require.ErrorAs(t, err, &forbidden)
	assert.Equal(t, "create", forbidden.Verb)
	assert.Equal(t, "pods/portforward", forbidden.RoleResource())
	assert.Equal(t, "prod", forbidden.Namespace)
}

func TestDialPodNotFound(t *testing.T) {
	_, err := refuse(t, 404, metav1.StatusReasonNotFound, `pods "web-1" not found`).Dial(t.Context())
	var notFound *kube.NotFoundError
	require.ErrorAs(t, err, &notFound)
	assert.Equal(t, "web-1", notFound.Name)
}

func TestDialNodeDoesNotAnswer(t *testing.T) {
	_, err := refuse(t, 500, metav1.StatusReasonInternalError, `error dialing backend: no route to host`).Dial(t.Context())
	var refused *kube.APIError
	require.ErrorAs(t, err, &refused)
	assert.ErrorContains(t, err, `get pods/portforward "web-1" in namespace "prod": error dialing backend: no route to host`)
}

func TestDialUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln.Close()
	d := NewPortForward(&rest.Config{Host: "http://" + ln.Addr().String()}, "prod", "web-1", 1, zerolog.Nop())
	_, err = d.Dial(t.Context())
	var unreachable *kube.UnreachableError
	require.ErrorAs(t, err, &unreachable)
}

// A server that takes the connection and says nothing must not hold Dial beyond
// its context, in either transport.
func TestDialHonoursContextDuringUpgrade(t *testing.T) {
	for name, spdyOnly := range map[string]bool{"WebSocket": false, "SPDY": true} {
		t.Run(name, func(t *testing.T) {
			asked, release := make(chan struct{}), make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				close(asked)
				<-release
			}))
			defer srv.Close()
			defer close(release)
			d := NewPortForward(&rest.Config{Host: srv.URL}, "prod", "web-1", 1, zerolog.Nop())
			d.spdyOnly.Store(spdyOnly)

			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-asked; cancel() }()
			begin := time.Now()
			_, err := d.Dial(ctx)
			require.ErrorIs(t, err, context.Canceled)
			assert.Less(t, time.Since(begin), 5*time.Second)
		})
	}
}

// Neither a node that answers 500 nor a pod that is not there gets better in
// SPDY.
func TestDialDoesNotFallBackForNothing(t *testing.T) {
	for _, code := range []int{404, 500} {
		requests := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			http.Error(w, `pod not found ("web-1_prod")`, code)
		}))
		defer srv.Close()
		d := NewPortForward(&rest.Config{Host: srv.URL}, "prod", "web-1", 1, zerolog.Nop())
		_, err := d.Dial(t.Context())
		var refused *kube.APIError
		require.ErrorAs(t, err, &refused)
		assert.ErrorContains(t, err, `pod not found ("web-1_prod")`)
		assert.Equal(t, 1, requests, "%d", code)
	}
}
