package main

import (
	"context"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deploy makes the namespace, the pod with the server, and a Service of the same
// name with a port of the node, and waits until the pod runs.
func (c *cluster) deploy(ctx context.Context) error {
	if err := c.newNamespace(ctx); err != nil {
		return err
	}
	labels := map[string]string{"app": podName}
	_, err := c.client.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: podName},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: labels, Ports: []corev1.ServicePort{{Port: serverPort}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	pods := c.client.CoreV1().Pods(namespace)
	_, err = pods.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: podName, Labels: labels}, Spec: serverPod(),
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return c.until(ctx, "the pod", func(ctx context.Context) (bool, error) {
		pod, err := pods.Get(ctx, podName, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		c.podIP = pod.Status.PodIP
		return len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].Ready, nil
	})
}

// noNodePort is why there are no plain relays then.
const noNodePort = "this machine does not reach the server by the node's address"

// findNodePort waits until the server answers at the node's address, too, which
// may be some moments after the pod is ready. Where it never does, there is no
// such address.
func (c *cluster) findNodePort(ctx context.Context) error {
	if c.nodeIP == "" {
		return nil
	}
	service, err := c.client.CoreV1().Services(namespace).Get(ctx, podName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	addr := net.JoinHostPort(c.nodeIP, strconv.Itoa(int(service.Spec.Ports[0].NodePort)))
	err = c.until(ctx, addr, func(ctx context.Context) (bool, error) {
		conn, err := open(ctx, addr, echo, 0)
		if err != nil {
			return false, err
		}
		conn.Close()
		return true, nil
	})
	if err == nil {
		c.nodePort = addr
	}
	return ctx.Err()
}

// newNamespace makes the namespace anew where a killed run has left one.
func (c *cluster) newNamespace(ctx context.Context) error {
	namespaces := c.client.CoreV1().Namespaces()
	return c.until(ctx, "the namespace", func(ctx context.Context) (bool, error) {
		_, err := namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			_ = namespaces.Delete(ctx, namespace, metav1.DeleteOptions{})
		}
		if err != nil {
			return false, err
		}
		return true, c.until(ctx, "its account", func(ctx context.Context) (bool, error) {
			_, err := c.client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, err
		})
	})
}

// serverPod runs this program from the node's disk: no image is built for it.
func serverPod() corev1.PodSpec {
	grace := int64(1)
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: &grace,
		Volumes: []corev1.Volume{{Name: "bench", VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: nodeDir},
		}}},
		Containers: []corev1.Container{{
			Name: "server", Image: "fwd-workload:dev", ImagePullPolicy: corev1.PullNever,
			Command:      []string{nodeDir + "/bench", "serve", "-port", strconv.Itoa(serverPort)},
			VolumeMounts: []corev1.VolumeMount{{Name: "bench", MountPath: nodeDir, ReadOnly: true}},
		}},
	}
}
