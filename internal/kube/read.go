package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

// requestTimeout bounds one request to the API server, so that a host which
// swallows packets is an error and not a wait.
const requestTimeout = 20 * time.Second

// Request begins a request for call; the path is complete. It is exported for
// internal/launch, where everything that writes is.
func (c *Cluster) Request(call Call) *rest.Request {
	verb := map[string]string{"create": "POST", "patch": "PATCH", "delete": "DELETE"}[call.Verb]
	if verb == "" {
		verb = "GET"
	}
	prefix := []string{"/api", "v1"}
	if call.Group != "" {
		prefix = []string{"/apis", call.Group, version(call)}
	}
	r := c.client.Verb(verb).AbsPath(prefix...).Resource(call.Resource).SubResource(subresources(call)...)
	if call.Namespace != "" {
		r = r.Namespace(call.Namespace)
	}
	if call.Name != "" {
		r = r.Name(call.Name)
	}
	return r
}

// Do sends r, decodes the answer into obj (nil: ignore it) and explains what
// went wrong in the words of call.
func (c *Cluster) Do(ctx context.Context, call Call, r *rest.Request, obj runtime.Object) error {
	result, err := c.send(ctx, call, r)
	if err == nil && obj != nil {
		err = result.Into(obj)
	}
	return err
}

func (c *Cluster) send(ctx context.Context, call Call, r *rest.Request) (rest.Result, error) {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	result := r.Do(bounded)
	err := result.Error()
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return result, &UnreachableError{URL: c.Server(), Err: fmt.Errorf("no answer within %v", requestTimeout)}
	}
	return result, Explain(c.Server(), call, err)
}

// Pod reads one pod.
func (c *Cluster) Pod(ctx context.Context, name string) (*corev1.Pod, error) {
	call := Call{Verb: "get", Resource: "pods", Namespace: c.Namespace, Name: name}
	pod := &corev1.Pod{}
	return pod, c.Do(ctx, call, c.Request(call), pod)
}

// Pods lists the namespace's pods that match a label selector.
func (c *Cluster) Pods(ctx context.Context, selector string) ([]corev1.Pod, error) {
	call := Call{Verb: "list", Resource: "pods", Namespace: c.Namespace}
	list := &corev1.PodList{}
	err := c.Do(ctx, call, c.Request(call).Param("labelSelector", selector), list)
	return list.Items, err
}

// Events lists what the cluster says about one object. Few Roles allow it, so
// its caller does without when it is forbidden.
func (c *Cluster) Events(ctx context.Context, kind, name string) ([]corev1.Event, error) {
	call := Call{Verb: "list", Resource: "events", Namespace: c.Namespace}
	list := &corev1.EventList{}
	r := c.Request(call).Param("fieldSelector", "involvedObject.kind="+kind+",involvedObject.name="+name)
	return list.Items, c.Do(ctx, call, r, list)
}

// object reads one object of a kind.
func (c *Cluster) object(ctx context.Context, kind Kind, name string, obj runtime.Object) error {
	call := Call{Verb: "get", Group: kind.Group, Resource: kind.Resource, Namespace: c.Namespace, Name: name}
	return c.named(ctx, kind, c.Do(ctx, call, c.Request(call), obj))
}

// raw reads an object whose Go type we do not link.
func (c *Cluster) raw(ctx context.Context, kind Kind, name string, into any) error {
	call := Call{Verb: "get", Group: kind.Group, Resource: kind.Resource, Namespace: c.Namespace, Name: name}
	// Not DoRaw, which does not read a refusal's Status.
	result, err := c.send(ctx, call, c.Request(call).SetHeader("Accept", runtime.ContentTypeJSON))
	if err != nil {
		return c.named(ctx, kind, err)
	}
	body, err := result.Raw()
	if err != nil {
		return Explain(c.Server(), call, err)
	}
	return json.Unmarshal(body, into)
}

// named adds to a NotFoundError the names that may have been meant.
func (c *Cluster) named(ctx context.Context, kind Kind, err error) error {
	e, ok := errors.AsType[*NotFoundError](err)
	if !ok || e.Kind != kind.Name {
		return err
	}
	e.Similar = similar(e.Name, c.names(ctx, kind))
	return e
}

// names lists the names of a kind, as far as that is allowed and quick.
func (c *Cluster) names(ctx context.Context, kind Kind) []string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	call := Call{Verb: "list", Group: kind.Group, Resource: kind.Resource, Namespace: c.Namespace}
	body, err := c.Request(call).Param("limit", "500").
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json").
		DoRaw(ctx)
	if err != nil {
		return nil
	}
	var list metav1.PartialObjectMetadataList
	if json.Unmarshal(body, &list) != nil {
		return nil
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Name)
	}
	return names
}

func version(call Call) string {
	for _, k := range kinds {
		if k.Group == call.Group && k.Resource == call.Resource {
			return k.Version
		}
	}
	return "v1"
}

func subresources(call Call) []string {
	if call.Subresource == "" {
		return nil
	}
	return []string{call.Subresource}
}
