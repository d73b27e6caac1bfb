package launch

import "bytes"

// SecondLink is what is known of an agent's port for pods/proxy. The zero value
// is an agent that was not asked for it.
type SecondLink struct {
	Port int    `json:"port,omitempty"`
	Key  []byte `json:"key,omitempty"` // the agent's, ed25519
	// Failed is why it does not work, as far as is known: the next command need
	// not find out again.
	Failed string `json:"failed,omitempty"`
}

// Known reports whether the agent has told its port.
func (s SecondLink) Known() bool { return s.Port != 0 }

// Equal reports whether nothing else is known.
func (s SecondLink) Equal(o SecondLink) bool {
	return s.Port == o.Port && bytes.Equal(s.Key, o.Key) && s.Failed == o.Failed
}

// Remember keeps what was learnt of a's second link in its record, if there
// still is one.
func (l *Launcher) Remember(a Agent, second SecondLink) error {
	release, err := l.store.guard()
	if err != nil {
		return err
	}
	defer release()
	for _, r := range l.store.all() {
		if r.Cluster != l.cluster.ID() || r.Container != a.Container || r.Job != a.Job {
			continue
		}
		if r.Second.Equal(second) {
			return nil
		}
		r.Second = second
		return l.store.write(r)
	}
	return nil
}
