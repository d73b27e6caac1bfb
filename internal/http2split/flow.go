package http2split

import "golang.org/x/net/http2/hpack"

// flow is what waits to be sent on one stream in one direction.
type flow struct {
	stream *stream
	id     uint32
	window int // what the receiver takes of the stream
	items  []item
	bytes  int  // of data in items
	paused bool // nothing is to be sent yet
	listed bool // its outbound will look at it
}

// item is data, fields, or a reset.
type item struct {
	data     []byte
	fields   []hpack.HeaderField
	priority []byte
	end      bool // END_STREAM
	reset    bool
	code     code
}

func (it *item) isData() bool { return it.fields == nil && !it.reset }

// add puts it behind what waits. Small pieces of data are joined: what waits
// must not take much more memory than its bytes.
func (fl *flow) add(it item) {
	fl.bytes += len(it.data)
	if n := len(fl.items); n > 0 && it.isData() {
		last := &fl.items[n-1]
		if last.isData() && !last.end && len(last.data)+len(it.data) <= defaultFrame {
			last.data = append(last.data, it.data...)
			last.end = it.end
			return
		}
	}
	it.data = append([]byte(nil), it.data...)
	fl.items = append(fl.items, it)
}

// done takes the first item away.
func (fl *flow) done() {
	fl.items[0] = item{}
	fl.items = fl.items[1:]
}
