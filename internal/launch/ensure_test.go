package launch

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

func itoa(n int) string { return strconv.Itoa(n) }

const patchOp, createOp, deleteOp = "patch pods/ephemeralcontainers", "create jobs", "delete jobs"

func TestEnsureLaunchesOnceAndIsUsedAgain(t *testing.T) {
	for _, arg := range []string{"", "pod/web-1"} {
		t.Run("target "+arg, func(t *testing.T) {
			w := newWorld(t, webPod("web-1"))
			first, err := w.launcher(t).Ensure(t.Context(), target(t, arg), w.connect)
			require.NoError(t, err)
			assert.True(t, first.Launched)

			second, err := w.launcher(t).Ensure(t.Context(), target(t, arg), w.connect)
			require.NoError(t, err)
			assert.False(t, second.Launched)
			assert.Equal(t, first.Name(), second.Name())
			assert.Equal(t, first.Key, second.Key)
			assert.Len(t, w.writes(), 1)
		})
	}
}

func TestEnsureTellsWhatItTook(t *testing.T) {
	pod := webPod("web-1")
	pod.Spec.HostNetwork = true
	pod.Status.Conditions = nil
	w := newWorld(t, pod)
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, "prod", a.Namespace)
	assert.Equal(t, "web-1", a.Pod)
	assert.Equal(t, "uid-web-1", a.PodUID)
	assert.Equal(t, "pod/web-1", a.Target)
	assert.Equal(t, "app", a.TargetContainer)
	assert.Equal(t, "not ready", a.Note)
	assert.True(t, a.HostNetwork)
	assert.Regexp(t, `^fwd-agent-[a-z0-9]{5}$`, a.Container)
	assert.Empty(t, a.Job)
	assert.GreaterOrEqual(t, a.Port, minPort)
	assert.LessOrEqual(t, a.Port, maxPort)
}

// Twenty commands at once, each a process of its own as far as the lock can
// tell, end with one agent.
func TestEnsureTwentyAtOnce(t *testing.T) {
	for _, arg := range []string{"", "label/app=web"} {
		t.Run("target "+arg, func(t *testing.T) {
			w := newWorld(t, webPod("web-1"), webPod("web-2"))
			names, errs := make([]string, 20), make([]error, 20)
			var wg sync.WaitGroup
			for i := range names {
				l := w.launcher(t)
				wg.Go(func() {
					a, err := l.Ensure(t.Context(), target(t, arg), w.connect)
					names[i], errs[i] = a.Name(), err
				})
			}
			wg.Wait()
			require.NoError(t, errors.Join(errs...))
			assert.Len(t, w.writes(), 1)
			for _, name := range names {
				assert.Equal(t, names[0], name)
			}
		})
	}
}

func TestEnsureReplacesAnAgentThatEnded(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	first, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	w.finish("web-1")
	second, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.True(t, second.Launched)
	assert.NotEqual(t, first.Container, second.Container)
	assert.NotEqual(t, first.Key, second.Key)
}

func TestEnsureReplacesAJobThatIsGone(t *testing.T) {
	w := newWorld(t)
	first, err := w.launcher(t).Ensure(t.Context(), kube.Target{}, w.connect)
	require.NoError(t, err)
	w.mu.Lock()
	clear(w.jobs)
	clear(w.pods)
	w.mu.Unlock()
	second, err := w.launcher(t).Ensure(t.Context(), kube.Target{}, w.connect)
	require.NoError(t, err)
	assert.NotEqual(t, first.Job, second.Job)
}

// The agent's container runs as far as the node knows, and does not answer.
func TestEnsureReplacesAnAgentThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	first, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	second, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), func(ctx context.Context, a Agent) error {
		if a.Container == first.Container {
			return errors.New("silence")
		}
		return w.connect(ctx, a)
	})
	require.NoError(t, err)
	assert.NotEqual(t, first.Container, second.Container)
}

// An agent that hangs takes all the time that it gets; it gets it once.
func TestEnsureReplacesAnAgentThatHangs(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	first, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	asked := 0
	second, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), func(ctx context.Context, a Agent) error {
		if a.Container == first.Container {
			asked++
			<-ctx.Done()
			return ctx.Err()
		}
		return w.connect(ctx, a)
	})
	require.NoError(t, err)
	assert.NotEqual(t, first.Container, second.Container)
	assert.Equal(t, 1, asked)
}

// While a node's runtime restarts nobody gets through to the agent, which lives
// on: another one would not help.
func TestEnsureDoesNotReplaceAnAgentBehindAClosedDoor(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	first, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	shut := &kube.APIError{Err: errors.New("error dialing backend")}
	_, err = w.launcher(t).Ensure(t.Context(), target(t, "web-1"), func(context.Context, Agent) error { return shut })
	require.ErrorIs(t, err, shut)
	again, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, first.Container, again.Container)
	assert.Len(t, w.agents("web-1"), 1)
}

func TestEnsureStaysWithThePodThatHasAnAgent(t *testing.T) {
	w := newWorld(t, webPod("web-1"), webPod("web-2"))
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-2"), w.connect)
	require.NoError(t, err)
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "label/app=web"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, "web-2", a.Pod)
	assert.False(t, a.Launched)
	assert.Equal(t, "label/app=web", a.Target, "as this command named it")
}

func TestEnsureKeepsImagesApart(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	for _, image := range []string{"agent:1", "agent:2"} {
		a, err := w.launcher(t, func(c *Config) { c.Image = image }).Ensure(t.Context(), target(t, "web-1"), w.connect)
		require.NoError(t, err)
		assert.True(t, a.Launched)
		assert.Equal(t, image, a.Image)
	}
}

// A command that was killed between adding the container and connecting.
func TestEnsureTakesOverALaunchThatWasBrokenOff(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.deaf = true
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := w.launcher(t).Ensure(ctx, target(t, "web-1"), func(ctx context.Context, a Agent) error {
		if calls++; calls > 2 { // the knock, one attempt
			cancel()
		}
		return w.connect(ctx, a)
	})
	require.ErrorIs(t, err, context.Canceled)

	w.deaf = false
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, w.agents("web-1")[0].name, a.Container)
	assert.Len(t, w.agents("web-1"), 1)
}

func TestEnsureImageThatCannotBePulled(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.start = always(waits("ImagePullBackOff", "Back-off pulling image: not found"))
	for range 2 { // the second time no further container is added
		_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
		var failed *Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, ReasonImage, failed.Reason)
		assert.Equal(t, "ImagePullBackOff: Back-off pulling image: not found", failed.Detail)
		assert.Contains(t, failed.Left, "stays listed in the pod")
		assert.Equal(t, "agent:1", failed.Image)
		assert.Len(t, w.agents("web-1"), 1)
		assert.False(t, kube.Refused(err))
	}
	// And when the image comes after all, that container is used.
	w.set("web-1", runs)
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, w.agents("web-1")[0].name, a.Container)
}

func TestEnsureAgentThatEndsAtOnce(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.start = always(ended(1, "the key is not base64\n"))
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, ReasonExited, failed.Reason)
	assert.EqualError(t, err, `start the agent in pod "web-1": it ended with exit code 1: the key is not base64; container `+
		failed.Container+` has ended and stays listed in the pod`)
	assert.Len(t, w.agents("web-1"), 1)
}

func TestEnsureTriesAnotherPortOnce(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	starts := 0
	w.start = func(*agentContainer) corev1.ContainerState {
		if starts++; starts == 1 {
			return ended(1, "listen tcp :61234: bind: address already in use")
		}
		return runs
	}
	a, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	assert.Equal(t, w.agents("web-1")[1].name, a.Container)

	w = newWorld(t, webPod("web-1"))
	w.start = always(ended(1, "listen tcp :61234: bind: address already in use"))
	_, err = w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.ErrorContains(t, err, "address already in use")
	assert.Len(t, w.agents("web-1"), 2)
}

func TestEnsureForbidden(t *testing.T) {
	refusal := func(what string) metav1.Status {
		return apiStatus(403, metav1.StatusReasonForbidden, `x is forbidden: User "jane" cannot `+what+` in the namespace "prod"`)
	}
	w := newWorld(t, webPod("web-1"))
	w.refused[patchOp] = refusal(`patch resource "pods/ephemeralcontainers" in API group ""`)
	w.refused[createOp] = refusal(`create resource "jobs" in API group "batch"`)
	for arg, want := range map[string]string{"": "jobs", "web-1": "pods/ephemeralcontainers"} {
		l := w.launcher(t)
		_, err := l.Ensure(t.Context(), target(t, arg), w.connect)
		var forbidden *kube.ForbiddenError
		require.ErrorAs(t, err, &forbidden)
		assert.Equal(t, want, forbidden.RoleResource())
		assert.Empty(t, l.store.all())
	}
	assert.NotContains(t, w.writes(), deleteOp, "there is nothing to take back")
}

// Without the way to the agent, nothing is added to the pod.
func TestEnsureAsksForTheWayFirst(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	want := &kube.ForbiddenError{Call: kube.Call{Verb: "create", Resource: "pods", Subresource: "portforward"}, Err: errors.New("no")}
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), func(context.Context, Agent) error { return want })
	require.ErrorIs(t, err, want)
	assert.Empty(t, w.writes())

	// Nor to a pod that may be listed and not be read.
	w.refused["get pods"] = apiStatus(403, metav1.StatusReasonForbidden, `User "jane" cannot get resource "pods" in API group ""`)
	_, err = w.launcher(t).Ensure(t.Context(), target(t, "label/app=web"), w.connect)
	var forbidden *kube.ForbiddenError
	require.ErrorAs(t, err, &forbidden)
	assert.Empty(t, w.writes())
	delete(w.refused, "get pods")

	// A Job can be taken back, and is.
	_, err = w.launcher(t).Ensure(t.Context(), kube.Target{}, func(context.Context, Agent) error { return want })
	require.ErrorIs(t, err, want)
	assert.Equal(t, []string{createOp, deleteOp}, w.writes())
}

func TestEnsurePodSecurity(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.refused[patchOp] = apiStatus(403, metav1.StatusReasonForbidden, `pods "web-1" is forbidden: violates PodSecurity "restricted:latest"`)
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	var admission *kube.AdmissionError
	require.ErrorAs(t, err, &admission)
	assert.ErrorContains(t, err, "violates PodSecurity")
}

func TestEnsurePermanentErrorEndsIt(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	other := errors.New("agent speaks v2, this fwd-dial speaks v1")
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), func(ctx context.Context, a Agent) error {
		if err := w.connect(ctx, a); err != nil {
			return err
		}
		return Permanent(other)
	})
	require.ErrorIs(t, err, other)
	assert.Len(t, w.agents("web-1"), 1)
}

func TestEnsureTimesOutWithTheLastState(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.start = always(waits("ContainerCreating", ""))
	l := w.launcher(t, func(c *Config) { c.StartTimeout = 1 })
	_, err := l.Ensure(t.Context(), target(t, "web-1"), w.connect)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, ReasonTimeout, failed.Reason)
	assert.ErrorContains(t, err, "no answer within 1ns, last seen: ContainerCreating: connection refused")
}

func TestEnsurePodIsDeletedMeanwhile(t *testing.T) {
	w := newWorld(t, webPod("web-1"))
	w.deaf = true
	l := w.launcher(t)
	_, err := l.Ensure(t.Context(), target(t, "web-1"), func(ctx context.Context, a Agent) error {
		if len(w.agents("web-1")) > 0 {
			w.mu.Lock()
			defer w.mu.Unlock()
			delete(w.pods, "web-1")
			return errors.New("gone")
		}
		return w.connect(ctx, a)
	})
	var failed *Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, ReasonPodGone, failed.Reason)
	assert.Empty(t, l.store.all())
}

func TestEnsureForgetsPodsThatAreGone(t *testing.T) {
	w := newWorld(t, webPod("web-1"), webPod("web-2"))
	_, err := w.launcher(t).Ensure(t.Context(), target(t, "web-1"), w.connect)
	require.NoError(t, err)
	w.mu.Lock()
	delete(w.pods, "web-1")
	w.mu.Unlock()
	l := w.launcher(t)
	_, err = l.Ensure(t.Context(), target(t, "web-2"), func(ctx context.Context, a Agent) error {
		if len(l.store.all()) > 1 { // the launch takes its time; it tidies up meanwhile
			return syscall.ECONNREFUSED
		}
		return w.connect(ctx, a)
	})
	require.NoError(t, err)
	all := l.store.all()
	require.Len(t, all, 1)
	assert.Equal(t, "web-2", all[0].Pod)
}
