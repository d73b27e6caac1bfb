package session

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// memLink is one end of a link in memory, without bandwidth's limits. Its
// deadlines do nothing: a session must do with Close.
type memLink struct{ in, out *lane }

// lane is one direction of a memLink.
type lane struct {
	delay time.Duration // between Write and Read
	room  int           // a Write waits while this much is under way; 0: it never waits

	mu   sync.Mutex
	cond sync.Cond

	// guarded by mu
	flights []flight
	n       int // bytes in flights
	cut     bool
	writes  []int // sizes of all Writes
}

// flight is what one Write wrote; nil bytes are the end.
type flight struct {
	at time.Time
	b  []byte
}

var _ net.Conn = (*memLink)(nil)

// memPair makes links with a delay in each direction.
func memPair(delay time.Duration, room int) (a, b *memLink) {
	newLane := func() *lane {
		l := &lane{delay: delay, room: room}
		l.cond.L = &l.mu
		return l
	}
	a = &memLink{in: newLane(), out: newLane()}
	return a, &memLink{in: a.out, out: a.in}
}

func memLinks(delay time.Duration) func(testing.TB) (net.Conn, net.Conn) {
	return func(testing.TB) (net.Conn, net.Conn) {
		a, b := memPair(delay, 0)
		return a, b
	}
}

func (l *memLink) Read(b []byte) (int, error)  { return l.in.read(b) }
func (l *memLink) Write(b []byte) (int, error) { return l.out.write(b) }

// Close ends both directions: the peer reads what is under way and then io.EOF.
func (l *memLink) Close() error {
	l.in.close()
	l.out.end()
	return nil
}

func (l *memLink) LocalAddr() net.Addr              { return Addr{"mem", "here"} }
func (l *memLink) RemoteAddr() net.Addr             { return Addr{"mem", "there"} }
func (l *memLink) SetDeadline(time.Time) error      { return nil }
func (l *memLink) SetReadDeadline(time.Time) error  { return nil }
func (l *memLink) SetWriteDeadline(time.Time) error { return nil }

func (l *lane) read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.cut:
			return 0, net.ErrClosed
		case len(l.flights) == 0 || time.Now().Before(l.flights[0].at):
			l.cond.Wait()
			continue
		}
		f := &l.flights[0]
		if f.b == nil {
			return 0, io.EOF
		}
		n := copy(b, f.b)
		l.n -= n
		if f.b = f.b[n:]; len(f.b) == 0 {
			l.flights = l.flights[1:]
		}
		l.cond.Broadcast()
		return n, nil
	}
}

func (l *lane) write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.room > 0 && l.n >= l.room && !l.over() {
		l.cond.Wait()
	}
	if l.over() {
		return 0, io.ErrClosedPipe
	}
	l.writes = append(l.writes, len(b))
	l.n += len(b)
	l.fly(append([]byte{}, b...))
	return len(b), nil
}

func (l *lane) fly(b []byte) {
	l.flights = append(l.flights, flight{time.Now().Add(l.delay), b})
	if l.delay == 0 {
		l.cond.Broadcast()
		return
	}
	time.AfterFunc(l.delay, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.cond.Broadcast()
	})
}

// over says whether an end has closed it. Called with mu held.
func (l *lane) over() bool {
	return l.cut || len(l.flights) > 0 && l.flights[len(l.flights)-1].b == nil
}

// end is the writer's close.
func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over() {
		l.fly(nil)
		l.cond.Broadcast()
	}
}

// close is the reader's close.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	l.cond.Broadcast()
}

// sizes returns the sizes of the Writes so far.
func (l *lane) sizes() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int(nil), l.writes...)
}
