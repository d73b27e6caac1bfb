package kube

import (
	"context"
	"errors"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Call is one request in the words of a Role.
type Call struct {
	Verb        string // get, list, create, patch, delete
	Group       string
	Resource    string // plural
	Subresource string
	Namespace   string
	Name        string
}

// String reads like "get deployments.apps "web" in namespace "prod"".
func (c Call) String() string {
	s := c.Verb + " " + c.RoleResource()
	if c.Group != "" {
		s = c.Verb + " " + c.Resource + "." + c.Group
	}
	if c.Name != "" {
		s += ` "` + c.Name + `"`
	}
	if c.Namespace != "" {
		s += ` in namespace "` + c.Namespace + `"`
	}
	return s
}

// RoleResource is the resource as a Role spells it: "pods/portforward".
func (c Call) RoleResource() string {
	if c.Subresource != "" {
		return c.Resource + "/" + c.Subresource
	}
	return c.Resource
}

// Explain turns what client-go returned for call into one of this package's
// errors. The end of a context stays what it is.
func Explain(server string, call Call, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		if isCredentials(err) {
			return &ConfigError{Err: err}
		}
		return &UnreachableError{URL: server, Err: err}
	}
	st := status.Status()
	switch {
	case st.Reason == metav1.StatusReasonUnauthorized || st.Code == 401:
		return &UnauthorizedError{URL: server, Err: err}
	case st.Reason == metav1.StatusReasonForbidden || st.Code == 403:
		return forbidden(call, st.Message, err)
	case st.Reason == metav1.StatusReasonNotFound || st.Code == 404:
		return notFound(call, err, st)
	}
	return &APIError{Call: call, Err: err}
}

// errNoAPI is a kind that comes with software the cluster does not run.
var errNoAPI = errors.New("the cluster does not know this kind")

// notFound names what is missing, which is not always what was asked for: a
// create in a namespace that does not exist misses the namespace.
func notFound(call Call, err error, st metav1.Status) error {
	switch {
	case apierrors.IsUnexpectedServerError(err):
		// Not an object but the whole path, to which the API server's answer is a
		// page and not a Status.
		return &APIError{Call: call, Err: errNoAPI}
	case st.Details != nil && st.Details.Kind == "namespaces":
		return &NotFoundError{Kind: "namespace", Name: st.Details.Name}
	case st.Details == nil || st.Details.Name == "" || call.Name == "":
		return &APIError{Call: call, Err: err}
	}
	return &NotFoundError{Kind: strings.TrimSuffix(call.Resource, "s"), Name: call.Name, Namespace: call.Namespace}
}

// The API server answers 403 with reason Forbidden both for a missing
// permission and for an admission plugin's veto, and names the verb only in
// the text. So here, and only here, text is matched: the authorizer's sentence
// is `User "x" cannot get resource "pods" in API group "" …` (and
// `… cannot impersonate resource "users" …` when it is --as that is refused).
var cannotRE = regexp.MustCompile(`User "([^"]*)" cannot (\S+) resource "([^"/]+)(?:/([^"]+))?"(?: in API group "([^"]*)")?`)

func forbidden(call Call, message string, err error) error {
	m := cannotRE.FindStringSubmatch(message)
	if m == nil {
		if call.Verb == "get" || call.Verb == "list" {
			return &ForbiddenError{Call: call, Err: err}
		}
		return &AdmissionError{Call: call, Err: err}
	}
	if m[2] != call.Verb || m[3] != call.Resource {
		call.Name = ""
	}
	call.Verb, call.Resource, call.Subresource, call.Group = m[2], m[3], m[4], m[5]
	return &ForbiddenError{Call: call, User: m[1], Err: err}
}

// client-go reports a failed exec plugin as a plain error with this prefix,
// wrapped in a *url.Error.
func isCredentials(err error) bool {
	return strings.Contains(err.Error(), "getting credentials: ")
}
