package kube

import (
	"errors"
	"fmt"
	"strings"
)

// TargetError says what is wrong with an argument. It is found before the
// cluster is asked.
type TargetError struct {
	Arg     string
	Problem string
}

func (e *TargetError) Error() string { return fmt.Sprintf("target %q: %s", e.Arg, e.Problem) }

// NamespaceError is a name that no namespace can have. It is found before the
// cluster is asked.
type NamespaceError struct{ Name string }

func (e *NamespaceError) Error() string {
	return fmt.Sprintf("namespace %q: want lower-case letters, digits and -, 63 at most", e.Name)
}

// ConfigError is a kubeconfig that cannot be used, or credentials that it
// cannot get.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return "kubeconfig: " + e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// UnreachableError is an API server that gave no HTTP answer.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("reach API server %s: %v", e.URL, e.Err)
}
func (e *UnreachableError) Unwrap() error { return e.Err }

// UnauthorizedError is an API server that does not know who we are.
type UnauthorizedError struct {
	URL string
	Err error
}

func (e *UnauthorizedError) Error() string {
	return fmt.Sprintf("API server %s does not accept the credentials: %v", e.URL, e.Err)
}
func (e *UnauthorizedError) Unwrap() error { return e.Err }

// ForbiddenError is a missing permission: the Role lacks Verb on Resource.
type ForbiddenError struct {
	Call
	User string // who lacks it; empty if the API server does not say
	Err  error
}

func (e *ForbiddenError) Error() string {
	if e.User == "" {
		return fmt.Sprintf("not permitted to %s: %v", e.Call, e.Err)
	}
	return fmt.Sprintf("user %q is not permitted to %s", e.User, e.Call)
}
func (e *ForbiddenError) Unwrap() error { return e.Err }

// AdmissionError is a write that RBAC permits and that something else in the
// cluster refuses: Pod Security, a quota, a webhook.
type AdmissionError struct {
	Call
	Err error
}

func (e *AdmissionError) Error() string { return fmt.Sprintf("%s: %v", e.Call, e.Err) }
func (e *AdmissionError) Unwrap() error { return e.Err }

// NotFoundError is an object that does not exist.
type NotFoundError struct {
	Kind      string
	Name      string
	Namespace string
	Similar   []string // names of the same kind that may have been meant
}

func (e *NotFoundError) Error() string {
	s := fmt.Sprintf("%s %q not found", e.Kind, e.Name)
	if e.Namespace != "" {
		s += fmt.Sprintf(" in namespace %q", e.Namespace)
	}
	if len(e.Similar) > 0 {
		s += ", did you mean " + strings.Join(e.Similar, " or ") + "?"
	}
	return s
}

// NotReadyError is a target that exists and has no pod to go to.
type NotReadyError struct {
	Target    string
	Namespace string
	Pods      []string // "web-1: CrashLoopBackOff"
	Why       string   // when there is more to say than that there are none
}

func (e *NotReadyError) Error() string {
	s := fmt.Sprintf("%s in namespace %q has no ready pod", e.Target, e.Namespace)
	switch {
	case e.Why != "":
		return s + ": " + e.Why
	case len(e.Pods) == 0:
		return s + ": it has none at all"
	}
	return s + ": " + strings.Join(e.Pods, ", ")
}

// NotRunningError is a pod, named directly, that does not run.
type NotRunningError struct {
	Pod       string
	Namespace string
	State     string
}

func (e *NotRunningError) Error() string {
	return fmt.Sprintf("pod %q in namespace %q is not running: %s", e.Pod, e.Namespace, e.State)
}

// HostNetworkError is a pod whose network is its node's, for which more is asked
// than to dial: all that arrives at the node would be captured.
type HostNetworkError struct {
	Pod       string
	Namespace string
	Node      string
}

func (e *HostNetworkError) Error() string {
	return fmt.Sprintf("pod %q in namespace %q is on the network of its node %s: capturing there would take what arrives at the node",
		e.Pod, e.Namespace, e.Node)
}

// ContainerError is a container that the pod does not have.
type ContainerError struct {
	Pod  string
	Name string
	Have []string
}

func (e *ContainerError) Error() string {
	return fmt.Sprintf("pod %q has no container %q, only %s", e.Pod, e.Name, strings.Join(e.Have, ", "))
}

// APIError is any other refusal of the API server.
type APIError struct {
	Call
	Err error
}

func (e *APIError) Error() string { return fmt.Sprintf("%s: %v", e.Call, e.Err) }
func (e *APIError) Unwrap() error { return e.Err }

// Refused reports whether err is the cluster's or the kubeconfig's refusal:
// trying again, or with another agent, gives the same answer.
func Refused(err error) bool {
	for _, is := range []func(error) bool{
		is[*ConfigError], is[*UnreachableError], is[*UnauthorizedError], is[*ForbiddenError], is[*AdmissionError],
		is[*NotFoundError], is[*NotReadyError], is[*NotRunningError], is[*HostNetworkError], is[*ContainerError], is[*APIError],
	} {
		if is(err) {
			return true
		}
	}
	return false
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
