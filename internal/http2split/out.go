package http2split

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/fwdtools/fwd/internal/relay"
	"golang.org/x/net/http2/hpack"
)

// batch is how many bytes are taken out of flows before they are written.
const batch = 64 << 10

// outbound is what is sent on one connection. All but run is called with mu
// held, which guards all fields.
type outbound struct {
	conn relay.Conn
	mu   *sync.Mutex
	wake sync.Cond  // signalled when run may have something to do
	room *sync.Cond // signalled when less waits

	buf   []byte // goes out next, as it is
	busy  int    // bytes that are being written
	ended bool   // nothing follows what waits
	err   error  // why nothing can be written any more
	deaf  bool   // what it is given is for nobody

	window  int              // what the receiver takes on the connection
	ready   []*flow          // may have something that can be sent
	stuck   []*flow          // wait for window
	waiting int              // flows with items
	pumping bool             // pump is under way
	sent    func(*flow, int) // called when an item, with so much data, has left its flow

	table uint32         // what the receiver's HPACK table may be
	enc   *hpack.Encoder // nil as long as field blocks go as they came
	block bytes.Buffer
}

func newOutbound(mu *sync.Mutex, conn relay.Conn) *outbound {
	o := &outbound{conn: conn, mu: mu, window: defaultWindow, table: defaultTable, sent: func(*flow, int) {}}
	o.wake.L, o.room = mu, sync.NewCond(mu)
	return o
}

// run writes until everything was written and end was called, and half-closes
// the connection.
func (o *outbound) run() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var spare []byte
	for {
		for len(o.buf) == 0 && o.err == nil && !(o.ended && o.waiting == 0) {
			o.buf, spare = nil, nil // an idle connection holds no buffers
			o.wake.Wait()
		}
		if o.err != nil {
			return o.err
		}
		if len(o.buf) == 0 {
			o.mu.Unlock()
			err := o.conn.CloseWrite()
			o.mu.Lock()
			o.fail(errOver)
			return err
		}
		b := o.buf
		o.buf, o.busy = spare[:0], len(b)
		o.mu.Unlock()
		_, err := o.conn.Write(b)
		o.mu.Lock()
		spare, o.busy = b, 0
		if cap(b) > 4*batch {
			spare = nil
		}
		if err != nil {
			o.fail(err)
			return err
		}
		o.pump()
		o.room.Broadcast()
	}
}

// fail says that nothing can be written any more.
func (o *outbound) fail(err error) {
	if o.err == nil {
		o.err = err
	}
	o.buf = nil
	o.wake.Signal()
	o.room.Broadcast()
}

// end half-closes the connection after what waits.
func (o *outbound) end() {
	o.ended = true
	o.wake.Signal()
}

// wait waits until not more than n bytes wait to be written.
func (o *outbound) wait(n int) {
	for o.buffered() > n && o.err == nil {
		o.room.Wait()
	}
}

// buffered is how many bytes wait to be written.
func (o *outbound) buffered() int { return len(o.buf) + o.busy }

// raw sends b after what is to be written already.
func (o *outbound) raw(b ...byte) {
	if o.err != nil || o.deaf {
		return
	}
	o.buf = append(o.buf, b...)
	o.wake.Signal()
}

func (o *outbound) windowUpdate(id uint32, n int) {
	if n > 0 {
		o.raw(appendWindowUpdate(nil, id, n)...)
	}
}

// push sends it when everything before it in fl was sent and windows allow it.
func (o *outbound) push(fl *flow, it item) {
	if len(fl.items) == 0 {
		o.waiting++
	}
	fl.add(it)
	o.list(fl)
	o.pump()
}

// drop forgets what waits in fl, and returns how much data it was.
func (o *outbound) drop(fl *flow) int {
	n := fl.bytes
	if len(fl.items) > 0 {
		o.waiting--
	}
	fl.items, fl.bytes = nil, 0
	o.wake.Signal()
	return n
}

// grant is n more of the window of fl.
func (o *outbound) grant(fl *flow, n int) {
	fl.window += n
	o.list(fl)
	o.pump()
}

// grantAll is n more of the connection's window.
func (o *outbound) grantAll(n int) {
	o.window += n
	o.ready = append(o.ready, o.stuck...)
	o.stuck = nil
	o.pump()
}

func (o *outbound) list(fl *flow) {
	if !fl.listed && !fl.paused && len(fl.items) > 0 {
		fl.listed = true
		o.ready = append(o.ready, fl)
	}
}

// pump lets flows take turns, as far as windows go and the last batch is
// written.
func (o *outbound) pump() {
	if o.pumping {
		return
	}
	o.pumping = true
	for len(o.ready) > 0 && len(o.buf) < batch && o.err == nil {
		fl := o.ready[0]
		o.ready[0] = nil
		o.ready = o.ready[1:]
		fl.listed = false
		if len(fl.items) > 0 && !fl.paused {
			o.step(fl)
		}
	}
	o.pumping = false
}

// step sends the first item of fl, or as much of it as can be sent, and lists
// fl where it has to wait for the next.
func (o *outbound) step(fl *flow) {
	it := &fl.items[0]
	n := len(it.data)
	switch {
	case it.reset:
		o.raw(appendReset(nil, fl.id, it.code)...)
	case !it.isData():
		var flags uint8
		if it.end {
			flags = flagEndStream
		}
		o.fields(typeHeaders, flags, fl.id, it.priority, it.fields)
	default:
		n = min(n, defaultFrame)
		if n > 0 && !o.deaf {
			switch n = min(n, fl.window, o.window); {
			case fl.window <= 0:
				return // grant lists it again
			case o.window <= 0:
				fl.listed = true
				o.stuck = append(o.stuck, fl)
				return
			}
		}
		end := it.end && n == len(it.data)
		if !o.deaf {
			o.buf = appendData(o.buf, fl.id, it.data[:n], end)
			o.wake.Signal()
			fl.window -= n
			o.window -= n
		}
		fl.bytes -= n
		it.data = it.data[n:]
	}
	if len(it.data) == 0 {
		fl.done()
	}
	if len(fl.items) == 0 {
		o.waiting--
	}
	o.list(fl)
	o.sent(fl, n)
}

// setTable is how large the receiver lets the HPACK table become.
func (o *outbound) setTable(n uint32) {
	o.table = min(n, defaultTable)
	if o.enc != nil {
		o.enc.SetMaxDynamicTableSizeLimit(o.table)
		o.enc.SetMaxDynamicTableSize(o.table)
	}
}

// encode makes field blocks be encoded here from now on. What others have
// left in the receiver's table is thrown out (RFC 7541 4.2).
func (o *outbound) encode() {
	if o.enc == nil {
		o.enc = hpack.NewEncoder(&o.block)
		o.enc.SetMaxDynamicTableSizeLimit(o.table)
		o.enc.SetMaxDynamicTableSize(0)
		o.enc.SetMaxDynamicTableSize(o.table)
	}
}

// fields sends a field block with what comes before it in its first frame.
func (o *outbound) fields(typ frameType, flags uint8, id uint32, before []byte, all []hpack.HeaderField) {
	if o.err != nil || o.deaf {
		return
	}
	o.encode()
	o.block.Reset()
	if typ == typeHeaders && len(before) > 0 {
		flags |= flagPriority
	}
	for _, f := range all {
		o.enc.WriteField(f) // to memory
	}
	b := o.block.Bytes()
	for first := true; first || len(b) > 0; first = false {
		n := min(len(b), defaultFrame-len(before))
		if n == len(b) {
			flags |= flagEndHeaders
		}
		o.buf = appendHeader(o.buf, len(before)+n, typ, flags, id)
		o.buf = append(append(o.buf, before...), b[:n]...)
		b, before, typ, flags = b[n:], nil, typeContinuation, 0
	}
	o.wake.Signal()
}

// promise is a PUSH_PROMISE.
func (o *outbound) promise(id, promised uint32, all []hpack.HeaderField) {
	o.fields(typePushPromise, 0, id, binary.BigEndian.AppendUint32(nil, promised), all)
}
