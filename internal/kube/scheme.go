package kube

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// codecs decodes the few types we read: kubernetes/scheme would link every API
// group there is.
var codecs = newCodecs()

func newCodecs() serializer.CodecFactory {
	s := runtime.NewScheme()
	core := schema.GroupVersion{Version: "v1"}
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	batch := schema.GroupVersion{Group: "batch", Version: "v1"}
	s.AddKnownTypes(core, &corev1.Pod{}, &corev1.PodList{}, &corev1.Service{}, &corev1.EventList{})
	s.AddKnownTypes(apps, &appsv1.Deployment{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{}, &appsv1.ReplicaSet{})
	s.AddKnownTypes(batch, &batchv1.Job{}, &batchv1.CronJob{})
	// Status, which is how the API server says no, is registered by this.
	for _, gv := range []schema.GroupVersion{core, apps, batch} {
		metav1.AddToGroupVersion(s, gv)
	}
	return serializer.NewCodecFactory(s)
}
