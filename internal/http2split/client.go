package http2split

import (
	"errors"
	"slices"
	"time"

	"github.com/fwdtools/fwd/internal/relay"
)

// client is a connection to the client. The split's mu guards it.
type client struct {
	s       *split
	conn    relay.Conn // nil until open
	in      *reader
	out     *outbound
	greeted bool // its SETTINGS have come
	going   bool // takes no more streams
	gone    bool
	timer   *time.Timer

	waiting []*stream // to be opened
	active  int       // streams that it has
	max     int       // how many it takes at once
	window  int       // what it takes of each stream at first
	recv    inflow    // of the connection
}

// newClient begins to open a connection.
func (s *split) newClient() *client {
	c := &client{
		s:      s,
		out:    newOutbound(&s.mu, nil),
		max:    maxUnknown,
		window: defaultWindow,
		recv:   inflow{avail: maxHeld},
	}
	c.out.sent = s.sentToClient
	c.out.room = &s.roomier
	s.clients[c] = struct{}{}
	s.wg.Go(c.run)
	return c
}

// run opens the connection and reads from it until its end.
func (c *client) run() {
	s := c.s
	conn, err := s.cfg.Client()
	s.mu.Lock()
	if err != nil || s.ending {
		c.refused(err)
		s.mu.Unlock()
		if err == nil {
			conn.Abort(s.err)
		}
		return
	}
	c.start(conn)
	s.mu.Unlock()

	writec := make(chan struct{}) // closed when nothing is written any more
	go func() {
		defer close(writec)
		if err := c.out.run(); err != nil {
			conn.Abort(err)
		}
	}()
	err = c.read()
	s.mu.Lock()
	c.lost(err)
	s.mu.Unlock()
	t := time.AfterFunc(lingerTime, func() { conn.Abort(err) })
	<-writec
	t.Stop()
	conn.Close()
}

// start says what a connection begins with, and opens the streams that wait.
func (c *client) start(conn relay.Conn) {
	s := c.s
	c.conn, c.out.conn, c.in = conn, conn, newReader(conn)
	c.out.raw([]byte(preface)...)
	c.out.raw(appendSettings(nil, s.settingsForClient()...)...)
	c.out.windowUpdate(0, maxHeld-defaultWindow)
	for _, st := range c.waiting {
		s.hold(st.unpaid)
		st.unpaid = 0
	}
	c.admit()
	if s.callerGone {
		c.retire()
	}
}

// settingsForClient are the caller's, but for what is between the client and us.
func (s *split) settingsForClient() []setting {
	all := []setting{{settingPush, 0}, {settingWindow, streamWindow}}
	for id, v := range s.said {
		switch id {
		case settingTable, settingPush, settingStreams, settingWindow, settingFrame, settingConnect:
		default:
			all = append(all, setting{id, v})
		}
	}
	slices.SortFunc(all, func(a, b setting) int { return int(a.id) - int(b.id) })
	return all
}

// take gives c a stream.
func (c *client) take(st *stream, head item) {
	st.client = c
	st.in = inflow{avail: c.s.appWindow, owed: streamWindow - c.s.appWindow}
	st.back = inflow{avail: streamWindow}
	st.up = flow{stream: st, id: st.id, window: c.window, paused: true}
	st.down.window = c.s.window
	for _, f := range head.fields {
		st.size += int(f.Size())
	}
	c.s.held += st.size
	c.out.push(&st.up, head)
	c.waiting = append(c.waiting, st)
	c.admit()
}

// admit opens streams that wait, as many as the client takes.
func (c *client) admit() {
	for c.conn != nil && !c.gone && c.active < c.max && len(c.waiting) > 0 {
		st := c.waiting[0]
		c.waiting = slices.Delete(c.waiting, 0, 1)
		c.active++
		st.opened, st.head, st.up.paused = true, nil, false
		if st.in.avail < 16<<10 && !st.callerEnded {
			c.s.tell(st.id, st.in.credit(0))
		}
		c.out.list(&st.up)
		c.out.pump()
	}
}

// cancel tells the client that a stream is over. What is to be done about it
// elsewhere is left to do.
func (c *client) cancel(st *stream, why code) {
	left := len(st.up.items) > 0
	c.s.release(c.out.drop(&st.up))
	if !st.begun || st.callerEnded && st.sideEnded && !left {
		return
	}
	if c.out.buffered() > maxControl {
		c.abort(errors.New("the client does not read"))
		return
	}
	c.out.raw(appendReset(nil, st.id, why)...)
}

// repay gives credit for n bytes of the client that wait no longer.
func (c *client) repay(n int) {
	if !c.gone {
		c.out.windowUpdate(0, c.recv.credit(n))
	}
}

// settle ends c if it has nothing left to do.
func (c *client) settle() {
	if c.going && c.active == 0 && len(c.waiting) == 0 && c.conn != nil && !c.gone && c.timer == nil {
		c.out.end()
		c.timer = time.AfterFunc(lingerTime, func() { c.conn.Abort(nil) })
		c.s.timers = append(c.s.timers, c.timer)
	}
}

// retire lets c finish what it has.
func (c *client) retire() {
	c.going = true
	if c.s.client == c {
		c.s.client = nil
	}
	if c.conn != nil {
		c.out.end()
	}
	c.settle()
}

func (c *client) abort(err error) {
	c.going = true
	if c.s.client == c {
		c.s.client = nil
	}
	if c.conn != nil {
		c.conn.Abort(err)
	}
	c.out.fail(cause(err))
}

// refused is what a connection that could not be opened means for its streams.
func (c *client) refused(err error) {
	s := c.s
	c.forget()
	c.out.fail(cause(err))
	back := s.cfg.Fallback || s.drained()
	waiting := c.waiting
	c.waiting = nil
	for _, st := range waiting {
		switch {
		case back && s.appHere && st.id <= s.refuse && s.lastApp <= maxID-2:
			s.fallBack(st)
		default:
			s.reset(st, codeRefusedStream) // RFC 9113 8.7: nobody has seen it
		}
	}
	if s.mirror && s.err == nil {
		s.err = err
	}
	s.settle()
}

// forget takes c out of the split.
func (c *client) forget() {
	c.gone = true
	delete(c.s.clients, c)
	if c.s.client == c {
		c.s.client = nil
	}
	c.s.roomier.Broadcast()
}

// lost is the end of what the client sends.
func (c *client) lost(err error) {
	s := c.s
	if c.gone {
		return
	}
	c.forget()
	var breach *connError
	if errors.As(err, &breach) {
		c.out.raw(appendGoAway(nil, 0, breach.code, breach.text)...)
	}
	why := codeInternal
	if !c.greeted {
		why = codeRefusedStream // a server begins with SETTINGS: there was none
	}
	for _, st := range s.streams {
		switch {
		case st.client != c:
		case st.sideEnded && st.callerEnded:
			s.release(c.out.drop(&st.up))
			s.settled(st)
		case st.sideEnded:
			s.resetBySide(st, codeNo)
		default:
			s.reset(st, why)
		}
	}
	c.out.end()
	if s.mirror && !s.callerGone && s.err == nil {
		s.err = noEOF(err)
	}
	s.settle()
}
