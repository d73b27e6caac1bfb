package fwd

import (
	"bufio"
	"errors"
	"io"

	"github.com/fwdtools/fwd/pkg/wire"
)

// maxNote is the longest note that is read. Agents say less.
const maxNote = 64 << 10

// errUncaptured is an agent that ended a capture on its own.
var errUncaptured = errors.New("the agent ended the capture")

// readNotes reads what the agent says about a capture to the end, which is the
// capture's own.
func (l *Listener) readNotes() {
	defer close(l.donec)
	lines := bufio.NewScanner(l.st)
	lines.Buffer(nil, maxNote)
	for lines.Scan() {
		n, err := wire.ParseNote(lines.Bytes())
		if err == nil && l.note != nil {
			l.note(n)
		}
	}
	err := lines.Err()
	if err == nil {
		// What the agent opened before its FIN may not have been dispatched.
		l.client.dispatched(l.s)
		err = errUncaptured
	} else if errors.Is(err, bufio.ErrTooLong) {
		l.st.Reset(wire.ProtocolError, "a note is too long")
	}
	if end := l.s.Err(); end != nil {
		err = end
	}
	l.end(err)
	io.Copy(io.Discard, l.st)
}
