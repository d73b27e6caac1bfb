package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

func TestParseToleration(t *testing.T) {
	const equal, exists = corev1.TolerationOpEqual, corev1.TolerationOpExists
	for s, want := range map[string]corev1.Toleration{
		"*":                         {Operator: exists},
		"*:NoExecute":               {Operator: exists, Effect: "NoExecute"},
		"spot":                      {Key: "spot", Operator: exists},
		"spot:NoSchedule":           {Key: "spot", Operator: exists, Effect: "NoSchedule"},
		"node.example/kind=gpu":     {Key: "node.example/kind", Operator: equal, Value: "gpu"},
		"kind=:PreferNoSchedule":    {Key: "kind", Operator: equal, Effect: "PreferNoSchedule"},
		"kind=gpu:PreferNoSchedule": {Key: "kind", Operator: equal, Value: "gpu", Effect: "PreferNoSchedule"},
	} {
		got, err := ParseToleration(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "=x", "a b", "kind:Never", "kind:", "kind=a b", "*=x"} {
		_, err := ParseToleration(s)
		assert.ErrorContains(t, err, "toleration ", s)
	}
}
