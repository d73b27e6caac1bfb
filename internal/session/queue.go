package session

// queue is a first-in, first-out line of streams, each in it at most once.
type queue struct {
	items []*Stream
	head  int
	bit   uint8 // says in Stream.lines who stands in this line
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(st *Stream) {
	if st.lines&q.bit != 0 {
		return
	}
	st.lines |= q.bit
	if q.head > len(q.items)/2 {
		// A line that is never empty would else grow for ever.
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, st)
}

func (q *queue) pop() *Stream {
	st := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	st.lines &^= q.bit
	return st
}
