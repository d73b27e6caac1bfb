package launch

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Agent is an agent to connect to: its port in the pod, and the key that it
// wants to see a signature of.
type Agent struct {
	// Namespace, Pod and PodUID are of the pod whose network the agent is in: its
	// port is open there.
	Namespace    string
	Pod          string
	PodUID       string
	Container    string // of the agent
	Job          string // empty: an ephemeral container of the pod
	JobNamespace string
	Image        string
	Port         int
	Key          ed25519.PrivateKey
	Second       SecondLink
	Created      time.Time

	Target          string // what it was launched for; empty when targetless
	TargetContainer string // the container that the target names or defaults to
	Note            string // what to know of the pod ("not ready"); often empty
	HostNetwork     bool   // the pod's network is its node's
	Launched        bool   // by this call, rather than found running
	// Object is the target's pod as it was read; nil when targetless, and in
	// lists. It is not changed.
	Object *corev1.Pod
}

// Name is the agent's name in lists: that of its Job or container.
func (a Agent) Name() string {
	if a.Job != "" {
		return a.Job
	}
	return a.Container
}

// Agents listen where nobody else does: above the kernel's ephemeral ports
// (ip_local_port_range ends at 60999) and NodePorts (30000 to 32767), so that
// neither an outgoing connection of the application nor kube-proxy takes the
// port first. Several agents of one pod, or of one node's network, need
// different ports, hence at random.
const (
	minPort = 61000
	maxPort = 65535
)

func randomPort() int {
	n, err := rand.Int(rand.Reader, big.NewInt(maxPort-minPort+1))
	if err != nil {
		panic("launch: no randomness: " + err.Error())
	}
	return minPort + int(n.Int64())
}

// randomSuffix makes names unique, out of Kubernetes' own alphabet for that:
// no vowels, no words.
func randomSuffix() string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	var b strings.Builder
	for range 5 {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic("launch: no randomness: " + err.Error())
		}
		b.WriteByte(alphabet[n.Int64()])
	}
	return b.String()
}

func newKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("launch: no randomness: " + err.Error())
	}
	return key
}

// args is the agent's command line after its name. The key is the public half:
// anyone who can read the pod may see it.
func (l *Launcher) args(r record) []string {
	public := ed25519.NewKeyFromSeed(r.Seed).Public().(ed25519.PublicKey)
	args := []string{
		"--port=" + strconv.Itoa(r.Port),
		"--key=" + base64.RawStdEncoding.EncodeToString(public),
		"--idle=" + l.cfg.Idle.String(),
	}
	if e := r.Entered; e != nil {
		args = append(args, "--enter-pod="+e.PodUID)
		if e.ContainerID != "" {
			args = append(args, "--enter="+e.ContainerID)
		}
	}
	return args
}
