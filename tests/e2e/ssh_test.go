//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OpenSSH reaches an sshd that only the cluster knows, with fwd-dial as its
// ProxyCommand and nothing else configured.
func TestSSHThroughProxyCommand(t *testing.T) {
	t.Parallel()
	s := newSpace(t, nil)
	options := s.sshd("build-box")
	s.deployment("web", 1, podSpec(7000, "workload", "echo", "-port", "7000"))
	web := s.podsOf("web")[0]

	for _, tt := range []struct {
		name, proxy string
		agents      func(s *space) int
	}{
		{"targetless", "fwd-dial %h:%p", func(s *space) int { return len(s.jobs(t.Context())) }},
		{"from a deployment", "fwd-dial -t deploy/web %h:%p", func(s *space) int { return len(s.ephemeral(web)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.with(t)
			options := append([]string{"-o", "ProxyCommand=" + tt.proxy}, options...)
			s.tenSessions(options)
			s.exitCode(options)
			s.copyThereAndBack(options)
			assert.Equal(t, 1, tt.agents(s), "agents that were launched")
		})
	}
}

// tenSessions starts ten sessions when there is no agent yet. Each waits in the
// pod until all have come.
func (s *space) tenSessions(options []string) {
	s.t.Helper()
	const n = 10
	meet := "/tmp/meet-" + filepath.Base(s.t.Name())
	script := fmt.Sprintf("mkdir -p %[1]s; read line; touch %[1]s/$line; "+
		"until [ $(ls %[1]s | wc -l) = %[2]d ]; do sleep 0.1; done; echo heard $line", meet, n)
	var sessions [n]*background
	for i := range n {
		cmd := s.command("ssh", append(options, "build-box", script)...)
		cmd.Stdin = strings.NewReader(fmt.Sprintln(i))
		sessions[i] = s.background(cmd)
	}
	for i, b := range sessions {
		assert.Zero(s.t, b.wait(), "exit code of ssh %d", i)
		assert.Equal(s.t, fmt.Sprintf("heard %d\n", i), b.stdout.String())
	}
}

// exitCode is that of the command in the pod, as ssh promises.
func (s *space) exitCode(options []string) {
	s.t.Helper()
	r := s.run(nil, "ssh", append(options, "build-box", "echo out; echo err >&2; exit 7")...)
	assert.Equal(s.t, 7, r.code)
	assert.Equal(s.t, "out\n", r.stdout)
	assert.Contains(s.t, r.stderr, "err\n")
}

// copyThereAndBack copies 200 MiB to the pod and back with scp.
func (s *space) copyThereAndBack(options []string) {
	s.t.Helper()
	dir := s.t.TempDir()
	there, back := filepath.Join(dir, "there"), filepath.Join(dir, "back")
	f, err := os.Create(there)
	require.NoError(s.t, err)
	sum := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, sum), rand.NewChaCha8([32]byte{1}), 200*mib)
	require.NoError(s.t, err)
	require.NoError(s.t, f.Close())
	want := hex.EncodeToString(sum.Sum(nil))

	s.ok(s.run(nil, "scp", append(options, there, "build-box:/tmp/copy")...))
	got := s.ok(s.run(nil, "ssh", append(options, "build-box", "sha256sum </tmp/copy")...))
	assert.Equal(s.t, want, strings.Fields(got)[0], "hash in the pod")
	s.ok(s.run(nil, "scp", append(options, "build-box:/tmp/copy", back)...))
	got = s.ok(s.run(nil, "sha256sum", back))
	assert.Equal(s.t, want, strings.Fields(got)[0], "hash of what came back")
}

// sshd runs an sshd behind a Service and returns the options with which ssh and
// scp know its key and log in, asking nothing.
func (s *space) sshd(name string) (options []string) {
	s.t.Helper()
	dir := s.t.TempDir()
	read := func(file string) string {
		b, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(s.t, err)
		return string(b)
	}
	for _, key := range []string{"host", "client"} {
		s.ok(s.run(nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)))
	}
	_, err := client.CoreV1().Secrets(s.name).Create(s.t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		StringData: map[string]string{"host": read("host"), "authorized_keys": read("client.pub")},
	}, metav1.CreateOptions{})
	require.NoError(s.t, err)

	spec := podSpec(22, "sh", "-c", `mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f /dev/null -h /keys/host \
		-o AuthorizedKeysFile=/keys/authorized_keys -o StrictModes=no -o UsePAM=no -o MaxStartups=100 \
		-o 'Subsystem=sftp internal-sftp'`)
	private := int32(0o400)
	spec.Volumes = []corev1.Volume{{Name: "keys", VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: &private},
	}}}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "keys", MountPath: "/keys"}}
	s.pod(name, spec)
	s.service(name, 22)
	return []string{
		"-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-i", filepath.Join(dir, "client"),
		"-o", "User=root", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile=" + s.scratch("known_hosts", []byte(name+" "+read("host.pub"))),
	}
}
