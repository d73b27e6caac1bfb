package session

import "time"

const (
	// smallData is how much a keystroke is at most, or a request.
	smallData = 4 << 10
	// hurry is how long after one the next is to be expected.
	hurry = time.Second
	// firstLean is how wide a window is while others are in one, until that proves
	// too narrow.
	firstLean = firstWindow / 2
)

// noteSmall takes note of data that others should not delay. The first of a
// stream is no exchange yet: a greeting, or one answer. Called with mu held.
func (s *Session) noteSmall(st *Stream, n int) {
	if n == 0 || n > smallData || st.rwindow != firstWindow {
		return
	}
	if st.exchanges {
		s.small, s.smallAt = st.id, time.Now()
	}
	st.exchanges = true
}

// hurried reports whether others than st exchange small amounts. The slack in
// its window is then theirs: of what was read, so much is kept back from the
// peer that the window is the lean one, which suffices where everybody passes
// bytes on at once. Called with mu held.
func (s *Session) hurried(st *Stream) bool {
	return s.small != 0 && s.small != st.id && time.Since(s.smallAt) < hurry
}
