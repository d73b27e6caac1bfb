package launch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// A node writes into the pod's status only after 10 s and more what it writes
// into an event at once.
func TestAwaitHearsOfItFromEvents(t *testing.T) {
	for _, tt := range []struct {
		name   string
		event  corev1.Event
		reason Reason
	}{
		{"pull", corev1.Event{Reason: "Failed", Message: `Failed to pull image "agent:1": no such host`}, ReasonImage},
		{"never", corev1.Event{Reason: "ErrImageNeverPull", Message: "not present with pull policy of Never"}, ReasonImage},
		{"start", corev1.Event{Reason: "Failed", Message: "Error: failed to create containerd task"}, ReasonContainer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, webPod("web-1"))
			w.start = func(c *agentContainer) corev1.ContainerState {
				other := corev1.Event{Reason: "Failed", Message: "of somebody else"}
				other.InvolvedObject.FieldPath = "spec.ephemeralContainers{fwd-agent-other}"
				pulling := corev1.Event{Reason: "Pulling"}
				pulling.InvolvedObject.FieldPath = "spec.ephemeralContainers{" + c.name + "}"
				event := tt.event
				event.InvolvedObject.FieldPath = pulling.InvolvedObject.FieldPath
				w.events = []corev1.Event{other, pulling, event}
				return waits("ContainerCreating", "")
			}
			_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
			var failed *Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, tt.reason, failed.Reason)
			assert.Equal(t, tt.event.Message, failed.Detail)
		})
	}
}

// A command that was killed before the cluster had its Job leaves a record of
// nothing.
func TestEnsureLaunchThatWasBrokenOffBeforeItsJob(t *testing.T) {
	w := newWorld(t)
	l := w.launcher(t)
	p, err := l.place(t.Context(), kube.Target{})
	require.NoError(t, err)
	require.NoError(t, l.store.save(p.newRecord()))
	a, err := l.Ensure(t.Context(), kube.Target{}, w.connect)
	require.NoError(t, err)
	assert.True(t, a.Launched)
}
