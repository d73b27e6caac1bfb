package launch

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/internal/kube"
)

func TestListAndStop(t *testing.T) {
	w := newWorld(t, webPod("web-1"), webPod("web-2"), webPod("web-3"))
	l := w.launcher(t)
	var agents []Agent
	for _, arg := range []string{"", "web-1", "web-2", "web-3"} {
		a, err := l.Ensure(t.Context(), target(t, arg), w.connect)
		require.NoError(t, err)
		agents = append(agents, a)
	}
	w.finish("web-2")
	w.set("web-3", waits("ImagePullBackOff", ""))

	list, err := l.List(t.Context())
	require.NoError(t, err)
	state := map[string]string{}
	for _, info := range list {
		state[info.Name()] = info.State
		assert.Equal(t, info.State == "running", info.Alive)
	}
	assert.Equal(t, map[string]string{
		agents[0].Job: "running", agents[1].Container: "running", agents[3].Container: "ImagePullBackOff",
	}, state, "the agent that ended is not listed")
	assert.Len(t, l.store.all(), 3, "nor recorded any more")

	var asked []string
	ask := func(_ context.Context, a Agent) error {
		asked = append(asked, a.Name())
		return nil
	}
	for _, a := range agents {
		require.NoError(t, l.Stop(t.Context(), a, ask))
	}
	assert.Equal(t, []string{agents[1].Container, agents[3].Container}, asked)
	assert.Empty(t, w.jobs)
	assert.Empty(t, l.store.all())
	require.NoError(t, l.Stop(t.Context(), agents[0], ask), "what is gone is stopped")
}

func TestStopThatFailsKeepsTheRecord(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	l := w.launcher(t)
	a, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	err = l.Stop(t.Context(), a, func(context.Context, Agent) error { return errors.New("no answer") })
	require.EqualError(t, err, "stop agent "+a.Container+": no answer")
	assert.Len(t, l.store.all(), 1)
}

func TestStopOfAnAgentThatJustEnded(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	l := w.launcher(t)
	a, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	w.deaf = true
	require.NoError(t, l.Stop(t.Context(), a, w.connect))
	assert.Empty(t, l.store.all())
}

func TestListLeavesOtherClustersAlone(t *testing.T) {
	w := newWorld(t)
	l := w.launcher(t)
	_, err := l.Ensure(t.Context(), kube.Target{}, w.connect)
	require.NoError(t, err)

	other := newWorld(t)
	other.state = w.state
	list, err := other.launcher(t).List(t.Context())
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Len(t, l.store.all(), 1)
}
