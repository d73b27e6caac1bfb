//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// workloadImage has every real program that stories need; tests/cluster makes
// it.
const workloadImage = "fwd-workload:dev"

// podSpec is a pod of one container that runs command and is ready when port
// accepts, or at once when port is 0.
func podSpec(port int, command ...string) corev1.PodSpec {
	c := corev1.Container{
		Name:            "app",
		Image:           workloadImage,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         command,
	}
	if port != 0 {
		c.ReadinessProbe = &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt(port)}},
			PeriodSeconds: 1,
		}
	}
	grace := int64(1)
	return corev1.PodSpec{Containers: []corev1.Container{c}, TerminationGracePeriodSeconds: &grace}
}

// pod runs a pod and waits until it is ready. The label app is its name.
func (s *space) pod(name string, spec corev1.PodSpec) {
	s.t.Helper()
	_, err := client.CoreV1().Pods(s.name).Create(s.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec:       spec,
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.eventually("pod "+name, func(ctx context.Context) error {
		p, err := client.CoreV1().Pods(s.name).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("is %s and not ready", p.Status.Phase)
	})
}

// deployment runs replicas of a pod and waits until all are ready. The label
// app is its name.
func (s *space) deployment(name string, replicas int32, spec corev1.PodSpec) {
	s.t.Helper()
	labels := map[string]string{"app": name}
	_, err := client.AppsV1().Deployments(s.name).Create(s.t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.eventually("deployment "+name, func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(s.name).Get(ctx, name, metav1.GetOptions{})
		if err == nil && d.Status.ReadyReplicas != replicas {
			err = fmt.Errorf("%d of %d replicas are ready", d.Status.ReadyReplicas, replicas)
		}
		return err
	})
}

// service puts a Service with the name of a pod or deployment, which is ready,
// before its port.
func (s *space) service(name string, port int) {
	s.t.Helper()
	s.newService(name, port)
	s.routed(name + ":main ->")
}

// newService makes a Service and leaves it to the cluster.
func (s *space) newService(name string, port int) {
	s.t.Helper()
	_, err := client.CoreV1().Services(s.name).Create(s.t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []corev1.ServicePort{{Name: "main", Port: int32(port)}},
		},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
}

// routed waits until the node's kube-proxy (of mode iptables) has a rule for a
// Service of the namespace: until then its address is any address, and leads
// out of the cluster.
func (s *space) routed(rule string) {
	s.t.Helper()
	s.eventually("route of Service "+rule, func(context.Context) error {
		if !strings.Contains(s.onNode("iptables-save"), s.name+"/"+rule) {
			return errors.New("not on the node")
		}
		return nil
	})
}

// backend runs a pod behind a Service, both of that name, with a subcommand of
// tests/workload on the port.
func (s *space) backend(name string, port int, args ...string) {
	s.t.Helper()
	s.pod(name, podSpec(port, append([]string{"workload"}, args...)...))
	s.service(name, port)
}

// podsOf are the names of the running pods with the label app.
func (s *space) podsOf(app string) []string {
	s.t.Helper()
	pods, err := client.CoreV1().Pods(s.name).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	require.NoError(s.t, err)
	var names []string
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
			names = append(names, p.Name)
		}
	}
	return names
}

// podIP is the address of a pod.
func (s *space) podIP(name string) string {
	s.t.Helper()
	p, err := client.CoreV1().Pods(s.name).Get(s.t.Context(), name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return p.Status.PodIP
}
