package agent

import (
	"time"

	"github.com/fwdtools/fwd/internal/session"
	"github.com/fwdtools/fwd/pkg/wire"
)

// noter tells a client what was counted in its capture. One goroutine uses it.
type noter struct {
	st    *session.Stream
	count func() wire.Note
	said  wire.Note
}

// counts says the numbers, if they have changed.
func (n *noter) counts() {
	if now := n.count(); now != n.said {
		n.said = now
		n.send(now)
	}
}

// send sends a note. One that cannot be sent is not missed: who does not read
// will see the next, and the end of the session is noticed elsewhere.
func (n *noter) send(note wire.Note) {
	n.st.SetWriteDeadline(time.Now().Add(noteTime))
	n.st.Write(note.Append(nil))
}
