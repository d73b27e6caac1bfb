//go:build e2e

package e2e

import (
	"context"
	"io"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// exec runs a command in the container app of a pod, as kubectl exec does. Both
// of its outputs go to out. It may be called from any goroutine.
func (s *space) exec(ctx context.Context, pod string, stdin io.Reader, out *lines, command ...string) error {
	url := client.CoreV1().RESTClient().Post().Namespace(s.name).
		Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: "app", Command: command, Stdin: stdin != nil, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(restConfig, "GET", url.String())
	if err != nil {
		return err
	}
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: out, Stderr: out})
}

// inPod is exec to the end, which must be a success.
func (s *space) inPod(pod string, stdin io.Reader, command ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	out := newLines()
	err := s.exec(ctx, pod, stdin, out, command...)
	require.NoError(s.t, err, "%v in pod/%s:\n%s", command, pod, out)
	return out.String()
}
