//go:build e2e

package e2e

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// corefile is for a name server of the story's own: it knows the zone test.,
// says nothing below silent.test. and refuses everything else.
const corefile = `
test. {
	file /etc/coredns/zone
}
silent.test. {
	erratic {
		drop 1
	}
}
`

const zone = `
$TTL 300
@       SOA ns.test. admin.test. 1 3600 600 86400 300
@       NS  ns.test.
ns      A   192.0.2.1
www     A   192.0.2.2
www     AAAA 2001:db8::2
intra.corp A 192.0.2.3
other   CNAME www
@       MX  10 mail.test.
@       TXT "v=spf1 -all"
@       CAA 0 issue "ca.example"
www     HTTPS 1 . alpn=h2
`

// nameServer runs the cluster's own CoreDNS a second time, as pod "names", and
// returns its address. many512.test. and many4096.test. have more addresses
// than go into so many bytes.
func (s *space) nameServer() string {
	s.t.Helper()
	records := zone + addresses("many512", 50) + addresses("many4096", 500)
	_, err := client.CoreV1().ConfigMaps(s.name).Create(s.t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "names"},
		Data:       map[string]string{"Corefile": corefile, "zone": records},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	own, err := client.AppsV1().Deployments("kube-system").Get(s.t.Context(), "coredns", metav1.GetOptions{})
	require.NoError(s.t, err)

	spec := podSpec(53, "/coredns", "-conf", "/etc/coredns/Corefile")
	root := int64(0)
	app := &spec.Containers[0]
	app.Image = own.Spec.Template.Spec.Containers[0].Image
	app.SecurityContext = &corev1.SecurityContext{RunAsUser: &root}
	app.VolumeMounts = []corev1.VolumeMount{{Name: "names", MountPath: "/etc/coredns"}}
	spec.Volumes = []corev1.Volume{{Name: "names", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "names"}},
	}}}
	s.pod("names", spec)
	return s.podIP("names")
}

func addresses(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s A 198.51.%d.%d\n", name, 100+i/250, 1+i%250)
	}
	return b.String()
}

// asks makes a pod ask one name server and no other.
func asks(spec corev1.PodSpec, server string, options ...string) corev1.PodSpec {
	spec.DNSPolicy = corev1.DNSNone
	spec.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{server}, Searches: []string{"corp.test"}}
	for _, o := range options {
		name, value, _ := strings.Cut(o, ":")
		spec.DNSConfig.Options = append(spec.DNSConfig.Options, corev1.PodDNSConfigOption{Name: name, Value: &value})
	}
	return spec
}
