//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// site runs a pod behind a Service, both of that name, with an HTTP server on
// port 80 that calls itself pod, and beside it a pod that calls it: caller.
func (s *space) site(name string) {
	s.t.Helper()
	// No probe: it would be captured, too.
	s.pod(name, podSpec(0, "peer", "serve", "-port", "80", "-name", "pod"))
	s.service(name, 80)
	s.caller()
	s.eventually("a server", func(context.Context) error { return s.listensInPod(name) })
}

// caller runs the pod from which stories call others.
func (s *space) caller() {
	s.t.Helper()
	s.pod("caller", podSpec(0, "sleep", "infinity"))
}

// local starts an HTTP server here that calls itself laptop, and returns its
// port.
func (s *space) local() string {
	s.t.Helper()
	return s.localServer("peer", "serve", "-host", "127.0.0.1", "-port", "0", "-name", "laptop")
}

var listeningOn = regexp.MustCompile(`listening on \S*:(\d+)`)

// localServer starts a server here that says where it listens, and returns its
// port.
func (s *space) localServer(name string, args ...string) string {
	s.t.Helper()
	return listeningOn.FindStringSubmatch(s.start(name, args...).stderr.wait(s, 0))[1]
}

// listen starts fwd-listen with args, which hold n routes, and returns it once
// they are ready.
func (s *space) listen(n int, args ...string) *background {
	s.t.Helper()
	b := s.start("fwd-listen", args...)
	b.routes(n)
	return b
}

// routes waits until a command has said of n routes that they are ready.
func (b *background) routes(n int) {
	b.s.t.Helper()
	for i := range n {
		require.Contains(b.s.t, b.stdout.wait(b.s, i), " -> ")
	}
}

// call asks a URL from the pod caller.
func (s *space) call(args ...string) string {
	s.t.Helper()
	return s.inPod("caller", nil, append([]string{"curl", "-sS", "--max-time", "20"}, args...)...)
}

// answers polls until a URL is answered by who.
func (s *space) answers(who, url string) {
	s.t.Helper()
	s.eventually(url+" answered by "+who, func(ctx context.Context) error {
		out := newLines()
		err := s.exec(ctx, "caller", nil, out, "curl", "-sS", "--max-time", "5", url)
		if err == nil && !strings.HasPrefix(out.String(), who) {
			err = fmt.Errorf("it is not: %s", out)
		}
		return err
	})
}

// rules is what the kernel has of nftables in a pod's network namespace.
func (s *space) rules(pod string) string {
	s.t.Helper()
	p, err := client.CoreV1().Pods(s.name).Get(s.t.Context(), pod, metav1.GetOptions{})
	require.NoError(s.t, err)
	pid := s.containerProcess(p.Status.ContainerStatuses[0].ContainerID).pid
	return s.onNode("nsenter", "-n", "-t", fmt.Sprint(pid), "nft", "list", "ruleset")
}

// noRules polls until nothing of nftables is left in a pod.
func (s *space) noRules(pod string) {
	s.t.Helper()
	s.eventually("no rule in pod/"+pod, func(context.Context) error {
		if rules := s.rules(pod); rules != "" {
			return fmt.Errorf("there are:\n%s", rules)
		}
		return nil
	})
}

// capabilities are what an agent's container in a pod has been given.
func (s *space) capabilities(pod string) (added []corev1.Capability) {
	s.t.Helper()
	p, err := client.CoreV1().Pods(s.name).Get(s.t.Context(), pod, metav1.GetOptions{})
	require.NoError(s.t, err)
	for _, c := range p.Spec.EphemeralContainers {
		if c.SecurityContext != nil && c.SecurityContext.Capabilities != nil {
			added = append(added, c.SecurityContext.Capabilities.Add...)
		}
	}
	return added
}

// listensInPod tells whether something listens on port 80 in a pod.
func (s *space) listensInPod(pod string) error {
	out := newLines()
	err := s.exec(s.t.Context(), pod, nil, out, "sh", "-c", "ss -Hltn sport = :80 | grep -q .")
	if err != nil {
		err = fmt.Errorf("nothing: %w", err)
	}
	return err
}

// deletePod deletes a pod and does not wait for that.
func (s *space) deletePod(name string) {
	s.t.Helper()
	require.NoError(s.t, client.CoreV1().Pods(s.name).Delete(s.t.Context(), name, metav1.DeleteOptions{}))
}

// replicas tells whether n ready pods have the label app, other than one.
func (s *space) replicas(app string, n int, other string) error {
	pods, err := client.CoreV1().Pods(s.name).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		return err
	}
	ready := 0
	for _, p := range pods.Items {
		for _, c := range p.Status.Conditions {
			if p.Name != other && c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if ready != n {
		return fmt.Errorf("%d of %d are ready", ready, n)
	}
	return nil
}
