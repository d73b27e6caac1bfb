package http2split

import (
	"encoding/binary"
	"math"
)

// read handles what the client sends, to its end.
func (c *client) read() error {
	for {
		f, err := c.in.next()
		if err != nil {
			return err
		}
		c.s.mu.Lock()
		c.s.caller.out.wait(maxQueue)
		err = c.handle(f)
		c.s.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// handle handles one frame of the client.
func (c *client) handle(f *frame) error {
	if !c.greeted && (f.typ != typeSettings || f.has(flagAck)) {
		return &connError{codeProtocol, "no SETTINGS"} // RFC 9113 3.4
	}
	if c.out.buffered() > maxControl {
		return &connError{codeCalm, "too many frames to answer"}
	}
	switch f.typ {
	case typeSettings:
		return c.settings(f)
	case typePing:
		if !f.has(flagAck) {
			c.out.raw(append(appendHeader(nil, 8, typePing, flagAck, 0), f.payload...)...)
		}
	case typePushPromise:
		return &connError{codeProtocol, "PUSH_PROMISE though it is switched off"} // RFC 9113 8.4
	case typeGoAway:
		c.goAway(binary.BigEndian.Uint32(f.payload) & maxID)
	case typeWindowUpdate:
		return c.granted(f)
	case typeData:
		return c.data(f)
	case typeHeaders:
		if st := c.stream(f.id); st != nil && !st.sideEnded {
			if len(st.down.items) > maxItems {
				return &connError{codeCalm, "too many answers"}
			}
			c.s.greet()
			c.s.caller.out.encode()
			c.answer(st, item{fields: f.fields, priority: f.priority, end: f.ends()})
		}
	case typeRSTStream:
		if st := c.stream(f.id); st != nil {
			c.s.resetBySide(st, code(f.number()))
		}
	case typePriority:
	default: // unknown ones may be anything; RFC 9113 5.5
		if c.stream(f.id) != nil {
			c.s.caller.out.raw(f.raw...)
		}
	}
	return nil
}

// stream is one that c has, or nil.
func (c *client) stream(id uint32) *stream {
	if st := c.s.streams[id]; st != nil && st.client == c && st.begun {
		return st
	}
	return nil
}

// answer gives something to the caller.
func (c *client) answer(st *stream, it item) {
	st.sideEnded = it.end
	c.s.caller.out.push(&st.down, it)
	c.s.settled(st)
}

func (c *client) data(f *frame) error {
	n := len(f.data)
	c.recv.avail -= n + f.pad
	if c.recv.avail < 0 {
		return &connError{codeFlowControl, "more data than the connection's window"}
	}
	c.repay(f.pad)
	st := c.stream(f.id)
	if st == nil || st.sideEnded {
		c.repay(n)
		return nil
	}
	st.back.avail -= n + f.pad
	st.back.owed += f.pad
	if st.back.avail < 0 {
		return &connError{codeFlowControl, "more data than the stream's window"}
	}
	if n > 0 || f.ends() {
		c.answer(st, item{data: f.data, end: f.ends()})
	}
	return nil
}

// settings applies SETTINGS of the client and acknowledges them.
func (c *client) settings(f *frame) error {
	if f.has(flagAck) {
		return nil
	}
	all, err := f.settings()
	if err != nil {
		return err
	}
	c.out.raw(appendHeader(nil, 0, typeSettings, flagAck, 0)...)
	if !c.greeted {
		c.greeted = true
		c.max = math.MaxInt // RFC 9113 6.5.2: initially there is no limit
	}
	for _, x := range all {
		switch x.id {
		case settingTable:
			c.out.setTable(x.value)
		case settingStreams:
			c.max = int(x.value)
		case settingWindow:
			delta := int(x.value) - c.window
			c.window = int(x.value)
			for _, st := range c.s.streams {
				if st.client != c {
					continue
				}
				if st.up.window+delta > maxID {
					return &connError{codeFlowControl, "stream window too large"} // RFC 9113 6.9.2
				}
				c.out.grant(&st.up, delta)
			}
		}
	}
	c.admit()
	return nil
}

// granted is WINDOW_UPDATE.
func (c *client) granted(f *frame) error {
	n := int(f.number() & maxID)
	if f.id == 0 {
		switch {
		case n == 0:
			return &connError{codeProtocol, "WINDOW_UPDATE of 0"}
		case c.out.window+n > maxID:
			return &connError{codeFlowControl, "connection window too large"}
		}
		c.out.grantAll(n)
		return nil
	}
	st := c.stream(f.id)
	switch {
	case st == nil:
	case n == 0:
		c.cancel(st, codeProtocol)
		c.s.reset(st, codeInternal)
	case st.up.window+n > maxID:
		c.cancel(st, codeFlowControl)
		c.s.reset(st, codeInternal)
	default:
		c.out.grant(&st.up, n)
	}
	return nil
}

// goAway is how the client says that it takes no more, and has not seen the
// streams after last (RFC 9113 6.8). The next one gets a new connection.
func (c *client) goAway(last uint32) {
	c.going = true
	if c.s.client == c {
		c.s.client = nil
	}
	for _, st := range c.s.streams {
		if st.client == c && !st.sideEnded && (st.id > last || !st.opened) {
			c.s.reset(st, codeRefusedStream)
		}
	}
	c.waiting = nil
	c.settle()
}
