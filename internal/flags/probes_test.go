package flags

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fwdtools/fwd/pkg/fwd"
)

func TestProbeWarning(t *testing.T) {
	p := fwd.Probe{Kind: "liveness", Container: "app", Asks: "GET /healthz", Pattern: "^/healthz"}
	assert.Equal(t, "the liveness probe GET /healthz of container app on port 80 will be answered by the local process; "+
		"--not-http-path '^/healthz' leaves it to the pod", ProbeWarning(80, p))
	p.Asks, p.Pattern = "TCP", ""
	assert.Equal(t, "the liveness probe TCP of container app on port 80 will be answered by the local process", ProbeWarning(80, p))
}
