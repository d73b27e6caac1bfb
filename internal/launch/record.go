package launch

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/rs/zerolog"
)

// recordVersion is the format's; records of another one are not understood and
// count as absent.
const recordVersion = 1

// record is what one launch leaves for the next command: a JSON file that only
// its owner can read, because of the key.
type record struct {
	Version    int        `json:"version"`
	Cluster    string     `json:"cluster"`
	Namespace  string     `json:"namespace"`
	Target     string     `json:"target,omitempty"`
	Pod        string     `json:"pod,omitempty"`
	PodUID     string     `json:"podUID,omitempty"`
	Container  string     `json:"container"`
	Job        string     `json:"job,omitempty"`
	Entered    *entered   `json:"entered,omitempty"`
	Image      string     `json:"image"`
	Privileges string     `json:"privileges"`
	Port       int        `json:"port"`
	Seed       []byte     `json:"seed"` // ed25519 private key
	Second     SecondLink `json:"second,omitzero"`
	Created    time.Time  `json:"created"`
	State      state      `json:"state"`
}

// entered is the pod whose network an agent is in that has a pod of its own on
// the same node. The rest of its record is of its own pod.
type entered struct {
	Namespace   string `json:"namespace"`
	Pod         string `json:"pod"`
	PodUID      string `json:"podUID"`
	Node        string `json:"node"`
	ContainerID string `json:"containerID,omitempty"` // a running one of that pod
}

type state string

const (
	// launching is the state from before the cluster is asked until a session
	// was seen. A record that stays in it belongs to a launch that was killed, or
	// that failed and cannot be undone; the next command takes it over.
	launching state = "launching"
	// running is an agent that answered once.
	running state = "running"
)

// key tells records apart; it is their file's name. One agent serves everybody
// who wants the same image and privileges in the same pod, or in a pod of its
// own.
func (r record) key() string {
	namespace, where := r.Namespace, string(InPod)+"\x00"+r.PodUID
	switch {
	case r.Entered != nil:
		namespace, where = r.Entered.Namespace, string(OnNode)+"\x00"+r.Entered.PodUID
	case r.Job != "":
		where = "targetless"
	}
	return recordKey(r.Cluster, namespace, where, r.Image, r.Privileges)
}

// lockKey is that of the place where the agent is.
func (r record) lockKey() string {
	switch {
	case r.Entered != nil:
		return recordKey(r.Cluster, r.Entered.Namespace, r.Entered.PodUID)
	case r.Job != "":
		return recordKey(r.Cluster, r.Namespace, "targetless")
	}
	return recordKey(r.Cluster, r.Namespace, r.PodUID)
}

func recordKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func (r record) agent() Agent {
	a := Agent{
		Namespace: r.Namespace, Pod: r.Pod, PodUID: r.PodUID, Container: r.Container, Job: r.Job, Image: r.Image,
		Port: r.Port, Key: ed25519.NewKeyFromSeed(r.Seed), Second: r.Second, Created: r.Created, Target: r.Target,
	}
	if r.Job != "" {
		a.JobNamespace = r.Namespace
	}
	if e := r.Entered; e != nil {
		a.Namespace, a.Pod, a.PodUID = e.Namespace, e.Pod, e.PodUID
	}
	return a
}

// in reports whether the agent is in the network of a pod.
func (r record) in(podUID string) bool {
	if r.Entered != nil {
		return r.Entered.PodUID == podUID
	}
	return r.PodUID == podUID
}

// sameAgent reports whether two records are of one launch.
func (r record) sameAgent(o record) bool { return r.Container == o.Container && r.Job == o.Job }

// store keeps records in a directory.
type store struct {
	dir string
	log zerolog.Logger
}

func (s store) path(key string) string { return filepath.Join(s.dir, "agents", key+".json") }

// load reads a record; ok is false when there is none that can be used.
func (s store) load(key string) (r record, ok bool) {
	r, err := readRecord(s.path(key))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.log.Debug().Err(err).Msg("ignore an agent's record")
		}
		return record{}, false
	}
	return r, r.key() == key
}

func readRecord(path string) (record, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("%s: %w", path, err)
	}
	if r.Version != recordVersion || len(r.Seed) != ed25519.SeedSize {
		return record{}, fmt.Errorf("%s: not a record of version %d", path, recordVersion)
	}
	return r, nil
}

// save keeps a record.
func (s store) save(r record) error {
	release, err := s.guard()
	if err != nil {
		return err
	}
	defer release()
	return s.write(r)
}

// write writes a record so that readers see the old one or the new one. The
// guard is held.
func (s store) write(r record) error {
	r.Version = recordVersion
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	path := s.path(r.key())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep the agent's record: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keep the agent's record: %w", err)
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("keep the agent's record: %w", err)
	}
	return nil
}

// drop removes a record, if it is still of the launch that r is of.
func (s store) drop(r record) {
	release, err := s.guard()
	if err != nil {
		s.log.Debug().Err(err).Msg("an agent's record stays")
		return
	}
	defer release()
	if now, ok := s.load(r.key()); ok && now.sameAgent(r) {
		os.Remove(s.path(r.key()))
	}
}

// all reads every record that can be read.
func (s store) all() []record {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "agents", "*.json"))
	var out []record
	for _, p := range paths {
		if r, err := readRecord(p); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// guard is held for the moment that a record is changed in, so that one that is
// read, changed and written does not replace that of a later launch.
func (s store) guard() (release func(), err error) {
	lock, err := s.lockFile("records")
	if err != nil {
		return nil, err
	}
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("lock the agents' records: %w", err)
	}
	return func() { lock.Close() }, nil
}

// lock returns the lock that a process holds while it launches for key. Lock
// files cannot be removed safely while others may wait for them, so there is a
// fixed number, shared by the keys that begin alike.
func (s store) lock(key string) (*flock.Flock, error) { return s.lockFile(key[:2]) }

func (s store) lockFile(name string) (*flock.Flock, error) {
	dir := filepath.Join(s.dir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock the agent's record: %w", err)
	}
	return flock.New(filepath.Join(dir, name+".lock"), flock.SetPermissions(0o600)), nil
}
