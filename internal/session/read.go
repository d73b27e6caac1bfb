package session

import (
	"bufio"
	"io"

	"github.com/fwdtools/fwd/pkg/wire"
)

// readSize is how much is read from the link at once.
const readSize = 256 << 10

// readLoop reads frames until the link or the session ends. It never waits for
// an application: windows bound what arrives, so the link is always drained.
func (s *Session) readLoop() {
	br := bufio.NewReaderSize(audible{s}, readSize)
	if link, ok := s.link.(interface{ BeforeRead(func()) }); ok {
		link.BeforeRead(s.deliver)
	} else {
		br.Reset(beforehand{audible{s}})
	}
	var err error
	for err == nil {
		err = s.readFrame(br)
	}
	s.mu.Lock()
	s.linkFailed(err)
	s.mu.Unlock()
	// A peer that is still writing comes to read our GOAWAY only if somebody
	// takes what it writes, and a close over unread input may lose it.
	io.Copy(io.Discard, s.link)
}

// audible is the link as the reader sees it: whatever arrives, were it half a
// frame, shows that the peer is there.
type audible struct{ s *Session }

func (a audible) Read(b []byte) (int, error) {
	n, err := a.s.link.Read(b)
	if n > 0 {
		a.s.hear()
	}
	return n, err
}

// beforehand delivers what has come before it reads more. A link that knows
// better when that has to wait, because it has a buffer, does so itself.
type beforehand struct{ audible }

func (b beforehand) Read(p []byte) (int, error) {
	b.s.deliver()
	return b.audible.Read(p)
}

// readFrame reads and handles one frame; the error is the link's.
func (s *Session) readFrame(br *bufio.Reader) error {
	b, err := br.Peek(wire.HeaderLen)
	if err != nil {
		if len(b) > 0 {
			err = notEOF(err)
		}
		return err
	}
	h, err := wire.ParseHeader(b)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.breach(wire.ProtocolError, err.Error())
		return err
	}
	n := wire.HeaderLen + h.Length
	b, err = br.Peek(n) // fits: readSize is far over MaxPayload
	if err != nil {
		return notEOF(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil { // else only drain the link until it closes
		s.handle(h, b[wire.HeaderLen:])
	}
	br.Discard(n)
	return nil
}

// linkFailed ends the session because reading or writing the link failed.
// Called with mu held.
func (s *Session) linkFailed(err error) {
	switch {
	case (err == io.EOF || s.goaway != nil) && len(s.streams) == 0:
		s.end(ErrClosed)
	case err == io.EOF:
		s.end(&Error{Code: wire.SessionLost, Text: "link closed with streams open"})
	default:
		s.end(&Error{Code: wire.SessionLost, Text: "link failed", Cause: err})
	}
}

// handle acts on one frame. Called with mu held.
func (s *Session) handle(h wire.Header, p []byte) {
	switch h.Type {
	case wire.TypePing:
		f, _ := wire.ParsePing(h, p)
		s.onPing(f)
	case wire.TypeGoAway:
		s.onGoAway(h, p)
	case wire.TypeOpen:
		s.onOpen(h, p)
	default:
		s.onStreamFrame(h, p)
	}
}

// onStreamFrame handles the frames that need a stream to be there.
func (s *Session) onStreamFrame(h wire.Header, p []byte) {
	st := s.streams[h.Stream]
	if st == nil {
		own := h.Stream%2 == s.nextID%2
		if own && h.Stream >= s.nextID || !own && h.Stream > s.lastPeer {
			s.breach(wire.ProtocolError, h.String()+": stream was never opened")
		}
		return // over already
	}
	var err error
	switch h.Type {
	case wire.TypeData:
		st.onData(h, p)
	case wire.TypeAccept:
		var f wire.Accept
		if f, err = wire.ParseAccept(h, p); err == nil {
			st.onAccept(f)
		}
	case wire.TypeCredit:
		var f wire.Credit
		if f, err = wire.ParseCredit(h, p); err == nil {
			st.onCredit(f)
		}
	case wire.TypeReset:
		var f wire.Reset
		if f, err = wire.ParseReset(h, p); err == nil {
			st.onReset(f)
		}
	}
	if err != nil {
		s.breach(wire.ProtocolError, err.Error())
	}
}

// onGoAway handles a GOAWAY. Called with mu held.
func (s *Session) onGoAway(h wire.Header, p []byte) {
	f, err := wire.ParseGoAway(h, p)
	if err != nil {
		s.breach(wire.ProtocolError, err.Error())
		return
	}
	if f.Code != wire.Canceled {
		text := f.Text
		if text == "" {
			text = f.Code.String()
		}
		s.end(&Error{Code: f.Code, Text: text, Remote: true})
		return
	}
	s.goaway = ErrGoAway
	for id, st := range s.streams {
		if st.own && id > f.Last {
			st.onReset(wire.Reset{Stream: id, Code: wire.ShuttingDown, Text: ErrGoAway.Error()})
		}
	}
}
