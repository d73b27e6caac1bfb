package launch

import (
	"errors"
	"fmt"
	"strings"
)

// Reason is why an agent did not start.
type Reason string

// The reasons that people can do something about, each in its own way.
const (
	ReasonImage         Reason = "image"         // it cannot be pulled
	ReasonContainer     Reason = "container"     // the node cannot make or run the container
	ReasonExited        Reason = "exited"        // the agent ended at once
	ReasonUnschedulable Reason = "unschedulable" // no node takes the pod
	ReasonNoPod         Reason = "nopod"         // the Job makes no pod: a quota, Pod Security, a webhook
	ReasonPodGone       Reason = "podgone"       // the pod ended or was deleted meanwhile
	ReasonTimeout       Reason = "timeout"       // it took longer than StartTimeout
)

// Error is an agent that did not start, although the cluster took the order.
// What the cluster refuses outright is one of internal/kube's errors.
type Error struct {
	Reason    Reason
	Namespace string
	Pod       string
	Container string
	Job       string
	Image     string
	OnNode    bool   // it was to enter the pod's network from outside
	Detail    string // what the cluster or the agent said
	// Left is what stays behind, as a sentence; empty when nothing does.
	Left string
	Err  error // the last failure to connect, or nil
}

func (e *Error) Error() string {
	s := "start the agent"
	switch {
	case e.Job != "":
		s += fmt.Sprintf(" as job %q", e.Job)
	case e.Pod != "":
		s += fmt.Sprintf(" in pod %q", e.Pod)
	}
	s += ": " + e.Detail
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Left != "" {
		s += "; " + e.Left
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// PrivilegesError is a container that the cluster may have refused for the
// privileges that it was to have. Err, a *kube.AdmissionError, says.
type PrivilegesError struct {
	Privileges Privileges
	Err        error
}

func (e *PrivilegesError) Error() string {
	return fmt.Sprintf("add an agent with %s to the pod: %v", strings.Join(e.Privileges.Capabilities(), " and "), e.Err)
}

func (e *PrivilegesError) Unwrap() error { return e.Err }

// Permanent marks an error of a connect function that another agent of the same
// image would give again, such as one that speaks another version: nothing is
// retried or launched.
func Permanent(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

func isPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}
