package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fwdtools/fwd/internal/kube"
)

// refusedError is an HTTP answer other than the upgrade that was asked for.
type refusedError struct {
	code  int
	cause error // an apierrors.APIStatus if the answer was one
}

func (e *refusedError) Error() string { return e.cause.Error() }
func (e *refusedError) Unwrap() error { return e.cause }

// refusal reads the reason for not upgrading. The API server answers with a
// Status; kubelet, whose answers it passes on, and proxies with text.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	status := metav1.Status{}
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" {
		return &refusedError{resp.StatusCode, &apierrors.StatusError{ErrStatus: status}}
	}
	text := strings.TrimSpace(string(body))
	if text == "" {
		text = "unexpected answer " + resp.Status
	}
	return &refusedError{resp.StatusCode, fmt.Errorf("%s", text)}
}

// explain is internal/kube's error for a call that ended in err.
func explain(host string, call kube.Call, err error) error {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		var status apierrors.APIStatus
		switch {
		case refused.code == http.StatusUnauthorized:
			return &kube.UnauthorizedError{URL: host, Err: refused.cause}
		case !errors.As(refused.cause, &status):
			// An answer, only not in the API server's own words.
			return &kube.APIError{Call: call, Err: refused.cause}
		}
		err = refused.cause
	}
	return kube.Explain(host, call, err)
}
