package link

import (
	"errors"
	"strings"
	"syscall"
)

// ErrLost is a link that ended without the far side having said so: somewhere
// between here and the pod a connection died.
var ErrLost = errors.New("connection to the pod lost")

// ErrPodGone is a pod whose network namespace no longer exists, or that is not
// there at all.
var ErrPodGone = errors.New("the pod is gone")

// RemoteError is what the node said about a link that it could not make or
// keep. It unwraps to ECONNREFUSED, ECONNRESET, ETIMEDOUT or ErrPodGone where
// the text tells.
type RemoteError struct {
	Text string // as the container runtime wrote it
	kind error
}

func newRemoteError(text string) *RemoteError {
	text = strings.TrimSpace(text)
	return &RemoteError{Text: text, kind: remoteKind(text)}
}

func (e *RemoteError) Error() string {
	if e.kind != nil {
		return e.kind.Error()
	}
	return "the node says: " + e.Text
}

func (e *RemoteError) Unwrap() error { return e.kind }

// remoteKind tells what a text on a port-forward's error stream means. The
// protocol has nothing but that text, written by kubelet and the container
// runtime around an error of Go's net package, so this is the one place of the
// package that looks into it.
func remoteKind(text string) error {
	for _, k := range []struct {
		text string
		kind error
	}{
		{"connection refused", syscall.ECONNREFUSED},
		{"connection reset by peer", syscall.ECONNRESET},
		{"broken pipe", syscall.ECONNRESET},
		{"i/o timeout", syscall.ETIMEDOUT},
		{"connection timed out", syscall.ETIMEDOUT},
		// containerd, of a sandbox that has ended or was removed.
		{"network namespace for sandbox", ErrPodGone},
		{"failed to find sandbox", ErrPodGone},
		// CRI-O.
		{"container is not running", ErrPodGone},
	} {
		if strings.Contains(text, k.text) {
			return k.kind
		}
	}
	return nil
}
