package launch

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
)

// ParseToleration reads key[=value][:effect], where the key * stands for every
// taint and a key without a value for any value.
func ParseToleration(s string) (corev1.Toleration, error) {
	bad := func(problem string) (corev1.Toleration, error) {
		return corev1.Toleration{}, fmt.Errorf("toleration %q: %s", s, problem)
	}
	rest, effect, hasEffect := strings.Cut(s, ":")
	key, value, hasValue := strings.Cut(rest, "=")

	t := corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffect(effect)}
	switch t.Effect {
	case corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute:
	default:
		if hasEffect {
			return bad("the effect is NoSchedule, PreferNoSchedule or NoExecute")
		}
	}
	if hasValue {
		t.Operator, t.Value = corev1.TolerationOpEqual, value
		if errs := content.IsLabelValue(value); len(errs) > 0 {
			return bad("the value: " + errs[0])
		}
	}
	if key == "*" && !hasValue {
		t.Key = ""
		return t, nil
	}
	if errs := content.IsLabelKey(key); len(errs) > 0 {
		return bad("the key: " + errs[0])
	}
	return t, nil
}
