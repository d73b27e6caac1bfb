package fwd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/launch"
	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// ListenError is a capture that is not there: the agent refused it, and Err is a
// *ResetError, or the session ended.
type ListenError struct {
	Mode wire.Mode
	Port uint16
	Err  error
}

func (e *ListenError) Error() string {
	if Held(e) { // it names the port, and who holds it
		return e.Err.Error()
	}
	return fmt.Sprintf("%s port %d: %v", e.Mode, e.Port, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// ResetError is what the agent said when it reset a connection or refused a
// capture.
type ResetError = session.ResetError

// Held tells that err is a port that someone else has captured, or that a
// session which was lost still holds for a while.
func Held(err error) bool {
	var refused *ListenError
	return errors.As(err, &refused) && errors.Is(refused.Err, syscall.EADDRINUSE)
}

// Gone tells that err is a pod that was named and is not there any more, or is
// going.
func Gone(err error) bool {
	var (
		notFound   *kube.NotFoundError
		notRunning *kube.NotRunningError
		agent      *launch.Error
	)
	return errors.As(err, &notFound) || errors.As(err, &notRunning) ||
		errors.As(err, &agent) && agent.Reason == launch.ReasonPodGone
}

// Passing tells that what went wrong may be over by itself, so that it makes
// sense to try again: the network, a session that was lost, a target whose pods
// are being replaced. Nothing is of a client that is closed, or when someone
// said no.
func Passing(err error) bool {
	var (
		unreachable *kube.UnreachableError
		notReady    *kube.NotReadyError
		agent       *launch.Error
		reset       *session.ResetError
		version     *wire.VersionError
	)
	switch {
	case err == net.ErrClosed, errors.Is(err, context.Canceled), errors.As(err, &reset), errors.As(err, &version):
		return false
	case errors.As(err, &unreachable), errors.As(err, &notReady):
		return true
	case errors.As(err, &agent):
		return agent.Reason == launch.ReasonPodGone
	}
	return !kube.Refused(err)
}
