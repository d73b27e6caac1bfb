package kube

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// api is an API server with objects at paths. What has no answer is 404, as a
// real one says it.
type api struct {
	t       *testing.T
	objects map[string]any // by path; a metav1.Status is a refusal
	pods    []*corev1.Pod  // listed, and each at its path
	asked   []string       // "GET /path"
}

// serve starts the API server and returns the cluster as seen from namespace
// "prod".
func (a *api) serve(t *testing.T) *Cluster {
	a.t = t
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	c, err := NewForConfig(&rest.Config{Host: srv.URL}, "prod", Config{Version: "1.2.3"})
	require.NoError(t, err)
	return c
}

const podsPath = "/api/v1/namespaces/prod/pods"

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked = append(a.asked, r.Method+" "+r.URL.Path)
	if obj, ok := a.objects[r.URL.Path]; ok {
		reply(w, obj)
		return
	}
	if r.URL.Path == podsPath {
		selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
		if err != nil {
			reply(w, status(400, metav1.StatusReasonBadRequest, err.Error()))
			return
		}
		list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
		for _, p := range a.pods {
			if selector.Matches(labels.Set(p.Labels)) {
				list.Items = append(list.Items, *p)
			}
		}
		reply(w, list)
		return
	}
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	for _, p := range a.pods {
		if r.URL.Path == podsPath+"/"+p.Name {
			reply(w, p)
			return
		}
	}
	s := status(404, metav1.StatusReasonNotFound, `"`+name+`" not found`)
	s.Details = &metav1.StatusDetails{Name: name}
	reply(w, s)
}

func reply(w http.ResponseWriter, obj any) {
	w.Header().Set("Content-Type", "application/json")
	if s, ok := obj.(metav1.Status); ok {
		w.WriteHeader(int(s.Code))
	}
	json.NewEncoder(w).Encode(obj)
}

func status(code int32, reason metav1.StatusReason, message string) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}
}

// names is a list as the API server gives it when only metadata was asked for.
func names(names ...string) metav1.PartialObjectMetadataList {
	list := metav1.PartialObjectMetadataList{}
	for _, n := range names {
		list.Items = append(list.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: n}})
	}
	return list
}

var birth = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// readyPod is a pod like most: labelled app=web, age in minutes after birth.
func readyPod(name string, minutes int) *corev1.Pod {
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "prod", UID: types.UID("uid-" + name), Labels: map[string]string{"app": "web"},
			CreationTimestamp: metav1.NewTime(birth.Add(time.Duration(minutes) * time.Minute)),
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func unready(p *corev1.Pod) *corev1.Pod {
	p.Status.Conditions = nil
	return p
}

func waiting(p *corev1.Pod, reason string) *corev1.Pod {
	unready(p).Status.ContainerStatuses = []corev1.ContainerStatus{{
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}},
	}}
	return p
}

func terminating(p *corev1.Pod) *corev1.Pod {
	p.DeletionTimestamp = &metav1.Time{Time: birth}
	return p
}
