package launch

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/fwdtools/fwd/internal/kube"
)

// world is a cluster with one node. Its pods are in namespace "prod", its Jobs
// where they were made. Agents start as it is told.
type world struct {
	server *httptest.Server
	state  string // the state directory of everyone here

	mu      sync.Mutex
	pods    map[string]*corev1.Pod
	jobs    map[string]*batchv1.Job
	events  []corev1.Event
	refused map[string]metav1.Status // by "VERB resource", as in "patch pods/ephemeralcontainers"
	asked   []string                 // every write, as "VERB resource"
	// start is what the node makes of an agent's container; nil runs it.
	start func(c *agentContainer) corev1.ContainerState
	// noPods: a Job makes no pod.
	noPods bool
	// pending: a Job's pod finds no node, for this reason.
	pending string
	// deaf agents run and do not answer.
	deaf bool
}

// agentContainer is an agent that somebody asked the node for.
type agentContainer struct {
	pod, name string
	port, key string
	image     string
	enters    string // the UID of a pod of the node
}

func newWorld(t *testing.T, pods ...*corev1.Pod) *world {
	w := &world{
		state: t.TempDir(), pods: map[string]*corev1.Pod{}, jobs: map[string]*batchv1.Job{}, refused: map[string]metav1.Status{},
	}
	for _, p := range pods {
		w.pods[p.Name] = p
	}
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	return w
}

// launcher is a new process in this world.
func (w *world) launcher(t *testing.T, change ...func(*Config)) *Launcher {
	cluster, err := kube.NewForConfig(&rest.Config{Host: w.server.URL}, "prod", kube.Config{})
	require.NoError(t, err)
	cfg := Config{Image: "agent:1", StateDir: w.state, StartTimeout: 20 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	l, err := New(cluster, cfg)
	require.NoError(t, err)
	l.patience = patience{
		unschedulable: 50 * time.Millisecond, noPod: 50 * time.Millisecond,
		giveUpNoPod: 300 * time.Millisecond, recorded: 300 * time.Millisecond, answer: time.Second,
	}
	return l
}

// connect is a Connect that succeeds where an agent with the right key listens.
func (w *world) connect(_ context.Context, a Agent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pods[a.Pod] == nil || w.deaf {
		return syscall.ECONNREFUSED
	}
	public := base64.RawStdEncoding.EncodeToString(a.Key.Public().(ed25519.PublicKey))
	for _, c := range w.inNetworkOf(a.Pod) {
		st := containerStatus(w.pods[c.pod], c.name)
		if st.State.Running != nil && c.port == itoa(a.Port) {
			if c.key != public {
				return errors.New("not our agent")
			}
			return nil
		}
	}
	return syscall.ECONNREFUSED
}

// inNetworkOf are the agents whose ports are open in a pod: its own, and those
// that have entered it.
func (w *world) inNetworkOf(pod string) []agentContainer {
	var out []agentContainer
	for _, p := range w.pods {
		for _, c := range containers(p) {
			if c.enters == "" && c.pod == pod || c.enters == string(w.pods[pod].UID) {
				out = append(out, c)
			}
		}
	}
	return out
}

// finish makes every agent in a pod end, as its idle time does.
func (w *world) finish(pod string) {
	w.set(pod, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}})
}

// set gives every agent in a pod a state.
func (w *world) set(pod string, state corev1.ContainerState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pods[pod]
	for _, c := range containers(p) {
		containerStatus(p, c.name).State = state
	}
}

func (w *world) writes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.asked...)
}

func (w *world) agents(pod string) []agentContainer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return containers(w.pods[pod])
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	namespace := path[indexOf(path, "namespaces")+1]
	path = path[indexOf(path, "namespaces")+2:] // resource[/name[/subresource]]
	resource, name := path[0], ""
	if len(path) > 1 {
		name = path[1]
	}
	if len(path) > 2 {
		resource += "/" + path[2]
	}
	verb := map[string]string{"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[r.Method]
	if verb == "get" && name == "" {
		verb = "list"
	}
	op := verb + " " + resource
	if verb != "get" && verb != "list" {
		w.asked = append(w.asked, op)
	}
	if st, ok := w.refused[op]; ok {
		answer(rw, st)
		return
	}
	switch op {
	case "get pods":
		if p := w.pods[name]; p != nil && p.Namespace == namespace {
			answer(rw, p)
			return
		}
	case "list pods":
		selector, _ := labels.Parse(r.URL.Query().Get("labelSelector"))
		list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
		for _, p := range w.pods {
			if p.Namespace == namespace && selector.Matches(labels.Set(p.Labels)) {
				list.Items = append(list.Items, *p)
			}
		}
		answer(rw, list)
		return
	case "list events":
		answer(rw, corev1.EventList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "EventList"}, Items: w.events})
		return
	case "patch pods/ephemeralcontainers":
		if p := w.pods[name]; p != nil {
			w.patch(p, r)
			answer(rw, p)
			return
		}
	case "create jobs":
		var job batchv1.Job
		json.NewDecoder(r.Body).Decode(&job)
		w.jobs[job.Name] = &job
		if !w.noPods {
			w.makePod(&job)
		}
		answer(rw, job)
		return
	case "delete jobs":
		if w.jobs[name] != nil {
			delete(w.jobs, name)
			if r.URL.Query().Get("propagationPolicy") != "" {
				delete(w.pods, name+"-pod")
			}
			answer(rw, apiStatus(200, "", ""))
			return
		}
	}
	answer(rw, apiStatus(404, metav1.StatusReasonNotFound, op+" "+name+" not found"))
}

func (w *world) patch(p *corev1.Pod, r *http.Request) {
	var patch struct {
		Spec struct {
			EphemeralContainers []corev1.EphemeralContainer
		}
	}
	json.NewDecoder(r.Body).Decode(&patch)
	for _, c := range patch.Spec.EphemeralContainers {
		p.Spec.EphemeralContainers = append(p.Spec.EphemeralContainers, c)
		p.Status.EphemeralContainerStatuses = append(p.Status.EphemeralContainerStatuses, corev1.ContainerStatus{Name: c.Name})
		all := containers(p)
		containerStatus(p, c.Name).State = w.begin(&all[len(all)-1])
	}
}

func (w *world) makePod(job *batchv1.Job) {
	p := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: job.Name + "-pod", Namespace: job.Namespace, UID: types.UID("uid-" + job.Name), Labels: job.Spec.Template.Labels},
		Spec:       job.Spec.Template.Spec,
	}
	w.pods[p.Name] = p
	if w.pending != "" {
		p.Status.Phase = corev1.PodPending
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: w.pending,
		}}
		return
	}
	p.Spec.NodeName = "node"
	p.Status.Phase = corev1.PodRunning
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: jobContainer}}
	all := containers(p)
	p.Status.ContainerStatuses[0].State = w.begin(&all[0])
}

func (w *world) begin(c *agentContainer) corev1.ContainerState {
	if w.start != nil {
		return w.start(c)
	}
	return runs
}

var runs = corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}

func waits(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func ended(code int32, message string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message}}
}

// always is a node that makes the same of every agent.
func always(state corev1.ContainerState) func(*agentContainer) corev1.ContainerState {
	return func(*agentContainer) corev1.ContainerState { return state }
}

// containers are the agents in a pod.
func containers(p *corev1.Pod) []agentContainer {
	var out []agentContainer
	add := func(name, image string, args []string) {
		if len(args) < 2 {
			return
		}
		c := agentContainer{
			pod: p.Name, name: name, image: image,
			port: strings.TrimPrefix(args[0], "--port="), key: strings.TrimPrefix(args[1], "--key="),
		}
		if len(args) > 3 {
			c.enters = strings.TrimPrefix(args[3], "--enter-pod=")
		}
		out = append(out, c)
	}
	for _, c := range p.Spec.Containers {
		add(c.Name, c.Image, c.Args)
	}
	for _, c := range p.Spec.EphemeralContainers {
		add(c.Name, c.Image, c.Args)
	}
	return out
}

func containerStatus(p *corev1.Pod, name string) *corev1.ContainerStatus {
	for _, all := range [][]corev1.ContainerStatus{p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for i := range all {
			if all[i].Name == name {
				return &all[i]
			}
		}
	}
	return &corev1.ContainerStatus{}
}

func answer(rw http.ResponseWriter, obj any) {
	rw.Header().Set("Content-Type", "application/json")
	if st, ok := obj.(metav1.Status); ok {
		rw.WriteHeader(int(st.Code))
	}
	json.NewEncoder(rw).Encode(obj)
}

func apiStatus(code int32, reason metav1.StatusReason, message string) metav1.Status {
	st := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: code, Reason: reason, Message: message, Details: &metav1.StatusDetails{Name: "x"},
	}
	if code == 200 {
		st.Status = metav1.StatusSuccess
	}
	return st
}

func indexOf(path []string, s string) int {
	for i := range path {
		if path[i] == s {
			return i
		}
	}
	return -1
}

// webPod is a ready pod labelled app=web.
func webPod(name string) *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "prod", UID: types.UID("uid-" + name), Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node", Containers: []corev1.Container{{Name: "app"}}},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func target(t *testing.T, arg string) kube.Target {
	got, err := kube.ParseTarget(arg)
	require.NoError(t, err)
	return got
}
