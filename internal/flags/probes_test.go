package flags

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// pod is a place with a probe of each kind.
type pod []fwd.Probe

func (pod) Pod() string                      { return "web-1" }
func (p pod) Probes(port uint16) []fwd.Probe { return p }

var (
	get = fwd.Probe{
		Probe:   kube.Probe{Kind: "liveness", Container: "app", Asks: "GET /health", Pattern: "^/health"},
		Request: &fwd.ProbeRequest{Method: "GET", Path: "/health", Header: http.Header{"X-User": {"alice"}}},
	}
	tls  = fwd.Probe{Probe: kube.Probe{Kind: "startup", Container: "app", Asks: "GET https /"}}
	tcp  = fwd.Probe{Probe: kube.Probe{Kind: "readiness", Container: "app", Asks: "TCP"}}
	grpc = fwd.Probe{Probe: kube.Probe{Kind: "readiness", Container: "side", Asks: "gRPC", Pattern: `^/grpc\.health\.v1\.Health/`}, Request: &fwd.ProbeRequest{Method: "POST", Path: "/grpc.health.v1.Health/Check"}}
)

func TestProbes(t *testing.T) {
	to := deliver.TCP("127.0.0.1:8080")
	filter := func(f wire.Filter) wire.Settings { return wire.Settings{Filter: &f} }
	const (
		answers = "the liveness probe GET /health of container app comes to port 80: the local side answers it"
		remedy  = "; --not-http-path '^/health' leaves it to the pod"
	)
	for _, tt := range []struct {
		name  string
		flags Capture
		route deliver.Route
		probe fwd.Probe
		want  string
	}{
		{"HTTP", Capture{}, deliver.Route{Mode: wire.Steal, To: to}, get, answers + remedy},
		{"HTTPS", Capture{}, deliver.Route{Mode: wire.Steal, To: to}, tls, "the startup probe GET https / of container app comes to port 80: the local side must answer it"},
		{"TCP", Capture{}, deliver.Route{Mode: wire.Steal, To: to}, tcp, "the readiness probe TCP of container app comes to port 80: the local side must accept it"},
		{
			"gRPC", Capture{}, deliver.Route{Mode: wire.Steal, To: to}, grpc,
			"the readiness probe gRPC of container side comes to port 80: the local side answers it; --not-http-path '^/grpc\\.health\\.v1\\.Health/' leaves it to the pod",
		},
		{"a filter that it matches", Capture{}, deliver.Route{Mode: wire.Steal, To: to, Settings: filter(header("x-user", "alice"))}, get, answers + remedy},
		{"a filter that leaves it to the pod", Capture{}, deliver.Route{Mode: wire.Steal, To: to, Settings: filter(not(wire.Filter{Path: "^/health"}))}, get, ""},
		{"a filter, and no HTTP", Capture{}, deliver.Route{Mode: wire.Steal, To: to, Settings: filter(wire.Filter{Path: "/"})}, tcp, ""},
		{"a condition more would match more", Capture{Filter: Filter{Any: true}}, deliver.Route{Mode: wire.Steal, To: to, Settings: filter(wire.Filter{Path: "/"})}, get, answers},
		{"a file has no condition more", Capture{File: "f"}, deliver.Route{Mode: wire.Steal, To: to}, get, answers},
		{"a mirror", Capture{}, deliver.Route{Mode: wire.Mirror, To: to}, get, ""},
		{
			"a mirror to standard output", Capture{}, deliver.Route{Mode: wire.Mirror}, get,
			"the liveness probe GET /health of container app comes to port 80: its connections are among those that are mirrored; --not-http-path '^/health' leaves them out",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			p := tt.flags.Probes(zerolog.New(&log))
			tt.route.Port = 80
			for range 2 { // replicas
				p.Say(pod{tt.probe}, tt.route)
			}
			if tt.want == "" {
				assert.Empty(t, log.String())
				return
			}
			var b strings.Builder
			l := zerolog.New(&b)
			l.Warn().Msg(tt.want)
			assert.Equal(t, b.String(), log.String(), "said once")
		})
	}
}
