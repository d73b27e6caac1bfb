//go:build linux

package tap

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
)

func TestCopyIsWhatThePodGets(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(w *world)
		want []string
	}{
		{"bytes come, then the end", func(w *world) {
			w.connect()
			w.send("A", 0, "hello ")
			w.send("A", 6, "world")
			w.send("AF", 11, "")
		}, []string{`"hello world" end`}},
		{"the end comes with the last bytes", func(w *world) {
			w.connect()
			w.send("AF", 0, "hello")
		}, []string{`"hello" end`}},
		{"a connection without a byte is one", func(w *world) {
			w.connect()
			w.send("AF", 0, "")
		}, []string{`"" end`}},
		{"a connection is shown before there is a byte, for the server may speak first", func(w *world) {
			w.connect()
		}, []string{`"" open`}},
		{"a SYN that the pod does not answer is no connection", func(w *world) {
			w.send("S", 0, "")
			w.send("S", 0, "")
		}, nil},
		{"a connection that the pod refuses is none", func(w *world) {
			w.send("S", 0, "")
			w.reply("RA", 0)
			w.send("A", 0, "")
		}, nil},
		{"a SYN is sent again", func(w *world) {
			w.send("S", 0, "")
			w.connect()
			w.send("S", 0, "")
			w.reply("SA", 0)
			w.send("AF", 0, "hello")
		}, []string{`"hello" end`}},
		{"the pod's answer to the SYN was not seen", func(w *world) {
			w.send("S", 0, "")
			w.send("A", 0, "hello")
		}, []string{`"hello" open`}},
		{"a segment comes twice", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.send("A", 0, "hello")
			w.send("AF", 5, " world")
		}, []string{`"hello world" end`}},
		{"a segment is sent again with more behind it", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.send("A", 0, "hello world")
			w.send("A", 3, "lo world!")
		}, []string{`"hello world!" open`}},
		{"segments overtake each other", func(w *world) {
			w.connect()
			w.send("A", 6, "world")
			w.send("A", 5, " ")
			w.send("A", 0, "hello")
		}, []string{`"hello world" open`}},
		{"segments that overtook overlap", func(w *world) {
			w.connect()
			w.send("A", 8, "rl")
			w.send("A", 6, "worl")
			w.send("A", 7, "orld")
			w.send("A", 0, "hello wo")
		}, []string{`"hello world" open`}},
		{"the end overtakes the bytes", func(w *world) {
			w.connect()
			w.send("AF", 5, "")
			w.send("A", 0, "hello")
		}, []string{`"hello" end`}},
		{"the end overtakes the bytes, with bytes", func(w *world) {
			w.connect()
			w.send("AF", 5, " world")
			w.send("A", 0, "hello")
		}, []string{`"hello world" end`}},
		{"sequence numbers begin again at 0", func(w *world) {
			w.isn = 0xfffffffc
			w.connect()
			w.send("A", 0, "hello")
			w.send("A", 6, "world")
			w.send("A", 5, " ")
			w.send("A", 0, "hello ")
			w.reply("AF", 11)
			w.send("AF", 11, "")
		}, []string{`"hello world" end`}},
		{"the first number is the last one", func(w *world) {
			w.isn = 0xffffffff
			w.connect()
			w.send("AF", 0, "hello")
		}, []string{`"hello" end`}},
		{"the caller breaks off", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.send("RA", 5, "")
		}, []string{`"hello" reset`}},
		{"the reason in an RST is not data", func(w *world) {
			w.connect()
			w.send("RA", 0, "no more")
		}, []string{`"" reset`}},
		{"the pod breaks off", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.reply("RA", 5)
			w.send("A", 5, "more")
		}, []string{`"hello" reset`}},
		{"an RST that the pod does not heed is not heeded", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.send("R", 3, "")
			w.send("R", 50, "")
			w.send("R", 5_000_000, "")
			w.connected(caller4)
			w.later(2*patience, 0)
			w.send("AF", 5, "")
		}, []string{`"hello" end`}},
		{"the pod half-closes first, and the caller goes on", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.reply("AF", 5)
			w.send("A", 5, " world")
			w.send("AF", 11, "")
			w.reply("A", 12)
			w.send("AF", 11, "")
		}, []string{`"hello world" end`}},
		{"keepalive probes are not data", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.send("A", 4, "")
			w.send("A", 4, "x")
			w.send("A", 5, " world")
		}, []string{`"hello world" open`}},
		{"a keepalive probe is the first thing that is sent", func(w *world) {
			w.connect()
			w.send("A", -1, "")
			w.send("A", -1, "x")
			w.send("A", 0, "hello")
		}, []string{`"hello" open`}},
		{"a byte probes a closed window", func(w *world) {
			w.connect()
			w.send("A", 0, "hello")
			w.send("A", 5, " ")
			w.send("A", 5, " ")
			w.send("A", 4, "")
			w.send("A", 5, " world")
		}, []string{`"hello world" open`}},
		{"data comes with the SYN", func(w *world) {
			w.send("S", 0, "hello ")
			w.reply("SA", 6)
			w.send("A", 6, "world")
		}, []string{`"hello world" open`}},
		{"data comes with the SYN and the pod does not take it", func(w *world) {
			w.send("S", 0, "hello ")
			w.reply("SA", 0)
			w.send("A", 0, "hello world")
		}, []string{`"hello world" open`}},
		{"data comes with a SYN that is refused", func(w *world) {
			w.send("S", 0, "hello ")
			w.reply("RA", 6)
		}, nil},
		{"a caller's port is used again after the end", func(w *world) {
			w.connect()
			w.send("AF", 0, "one")
			w.isn = 99
			w.connect()
			w.send("AF", 0, "two")
		}, []string{`"one" end`, `"two" end`}},
		{"a caller's port is used again while nobody answers", func(w *world) {
			w.send("S", 0, "")
			w.isn = 99
			w.connect()
			w.send("AF", 0, "two")
		}, []string{`"two" end`}},
		{"a caller's port is used again, and the end was not seen", func(w *world) {
			w.connect()
			w.send("A", 0, "one")
			w.isn = 99
			w.connect()
			w.send("AF", 0, "two")
		}, []string{`"one" lost 0`, `"two" end`}},
		{"a SYN that the pod does not take for a new connection", func(w *world) {
			w.connect()
			w.send("A", 0, "one")
			w.isn += 77777
			w.send("S", 0, "")
			w.isn -= 77777
			w.reply("A", 3)
			w.send("R", 3, "")
		}, []string{`"one" reset`}},
		{"segments without ACK are not heeded", func(w *world) {
			w.connect()
			w.send("", 0, "hello")
			w.send("F", 0, "")
		}, []string{`"" open`}},
		{"segments of no connection that is known are not a connection", func(w *world) {
			w.send("A", 0, "GET / HTTP/1.1\r\n")
			w.reply("SA", 0)
			w.send("SA", 0, "")
			w.send("AF", 0, "")
		}, nil},
		{"64 KiB come in one segment", func(w *world) {
			w.connect()
			w.send("A", 0, strings.Repeat("x", 65000))
			w.send("A", 65005, "z")
			w.send("A", 65000, "yyyyy")
		}, []string{`"` + strings.Repeat("x", 65000) + `yyyyyz" open`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.run(w)
			assert.Equal(t, tt.want, w.all())
			w.checkForgotten()
		})
	}
}

func TestCopyWithMissingBytesIsLost(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(w *world)
		want string
	}{
		{"a gap is waited for while the network may have made it", func(w *world) {
			w.send("A", 8, "world")
			w.later(patience/2, 0)
		}, `"abc" open`},
		{"a gap that the network has made is filled after long", func(w *world) {
			w.send("A", 8, "world")
			w.later(patience/2, 0)
			w.send("AF", 3, "hello")
		}, `"abchelloworld" open`},
		{"a gap is not filled", func(w *world) {
			w.send("A", 8, "world")
			w.later(patience, 0)
			w.later(time.Second, 0)
			w.send("A", 3, "hello")
		}, `"abc" lost 10`},
		{"a gap is not waited for when the kernel had no room", func(w *world) {
			w.later(time.Second, 3)
			w.send("A", 8, "world")
			w.later(dropPatience+time.Millisecond, 0)
		}, `"abc" lost 10`},
		{"gaps are waited for as long as they are filled", func(w *world) {
			w.later(time.Second, 3)
			for off := 3; off < 30; off += 3 {
				w.send("A", off+3, "...")
				w.later(dropPatience*2/3, 0)
				w.send("A", off, "...")
				w.send("A", off+6, "...")
			}
		}, `"abc` + strings.Repeat("...", 11) + `" open`},
		{"an ACK tells that bytes are missing", func(w *world) {
			w.later(time.Second, 3)
			w.send("A", 9, "")
			w.later(dropPatience+time.Millisecond, 0)
		}, `"abc" lost 6`},
		{"an end tells that bytes are missing", func(w *world) {
			w.later(time.Second, 3)
			w.send("AF", 9, "")
			w.later(dropPatience+time.Millisecond, 0)
		}, `"abc" lost 6`},
		{"the pod's end tells that bytes are missing", func(w *world) {
			w.reply("AF", 9)
		}, `"abc" lost 6`},
		{"the pod breaks off over a gap", func(w *world) {
			w.send("A", 8, "world")
			w.reply("R", 0)
		}, `"abc" lost 10`},
		{"a segment was cut", func(w *world) {
			r := w.packet(fromCaller, &layers.TCP{Seq: w.isn + 4}, "A", "0123456789")
			r.data = r.data[:len(r.data)-4]
			w.flows.take(r, testPort)
		}, `"abc" lost 10`},
		{"a segment that was cut is a repetition", func(w *world) {
			r := w.packet(fromCaller, &layers.TCP{Seq: w.isn + 1}, "A", "abc")
			r.data = r.data[:len(r.data)-2]
			w.flows.take(r, testPort)
		}, `"abc" open`},
		{"too much follows a gap", func(w *world) {
			big := strings.Repeat("x", 60_000)
			for off := 10; off < 5<<20; off += len(big) {
				w.send("A", off, big)
			}
		}, `"abc" lost 4140007`},
		{"the kernel has the connection no more, and had no room", func(w *world) {
			w.later(time.Second, 3)
			w.connected()
			w.later(sweepDrop, 0)
		}, `"abc" lost 0`},
		{"the kernel has the connection no more, and had no room while the tap was behind", func(w *world) {
			w.later(time.Second, 3)
			w.later(sweepDrop, 0)
			w.send("A", 3, "def")
			w.connected()
			w.later(sweepDrop, 0)
		}, `"abcdef" lost 0`},
		{"the kernel has the connection no more", func(w *world) {
			w.connected()
			w.later(sweepEvery, 0)
		}, `"abc" reset`},
		{"a connection is idle for an hour", func(w *world) {
			for range 60 {
				w.later(time.Minute, 0)
			}
			w.send("A", 3, "def")
		}, `"abcdef" open`},
		{"damaged bytes are not copied, their repetition is", func(w *world) {
			r := w.packet(fromCaller, &layers.TCP{Seq: w.isn + 4}, "A", "d_f")
			r.data[len(r.data)-2] = 'x'
			w.flows.take(r, testPort)
			w.send("A", 3, "def")
		}, `"abcdef" open`},
		{"a checksum that is still to be made is not looked at", func(w *world) {
			r := w.packet(fromCaller, &layers.TCP{Seq: w.isn + 4}, "A", "d_f")
			r.data[len(r.data)-2], r.valid = 'e', true
			w.flows.take(r, testPort)
		}, `"abcdef" open`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, caller4)
			w.connect()
			w.send("A", 0, "abc")
			tt.run(w)
			assert.Equal(t, []string{tt.want}, w.all())
			w.checkForgotten()
			wantLost := uint64(strings.Count(tt.want, "lost"))
			assert.Equal(t, wantLost, w.flows.stats.Lost)
			assert.Equal(t, uint64(1), w.flows.stats.Connections)
		})
	}
}

func TestEveryLossIsCountedOnce(t *testing.T) {
	w := newWorld(t)
	counted := func() [3]uint64 {
		return [3]uint64{w.flows.stats.Connections, w.flows.stats.Lost, w.flows.stats.Orphans}
	}
	w.connect()
	w.later(time.Second, 3)
	w.send("A", 10, "a gap")
	w.later(dropPatience+time.Millisecond, 0)
	w.send("A", 15, "what comes after the loss")
	assert.Equal(t, [3]uint64{1, 1, 0}, counted())

	w.caller = netip.MustParseAddrPort("10.0.0.1:40001")
	w.send("A", 0, "")
	assert.Equal(t, [3]uint64{1, 1, 0}, counted(), "an ACK may be of a connection that is over")
	w.send("A", 0, "its SYN was not seen")
	w.send("A", 9, "not seen")
	assert.Equal(t, [3]uint64{2, 2, 1}, counted())

	w.connected(w.caller)
	w.later(sweepEvery, 0)
	w.later(time.Second, 3)
	w.send("A", 15, "and it still goes on")
	assert.Equal(t, [3]uint64{2, 2, 1}, counted())

	w.connect()
	w.send("AF", 0, "the same port, a new connection")
	assert.Equal(t, [3]uint64{3, 2, 1}, counted())
	assert.Equal(t, []string{`"" lost 15`, `"the same port, a new connection" end`}, w.all())
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t)
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), uint16(1024+i>>16))
	}
	for i := range maxOpening + 10 {
		w.caller = at(i)
		w.send("S", 0, "early")
	}
	assert.Equal(t, maxOpening, w.flows.opening.Len())
	assert.Empty(t, w.copies)

	for i := range maxFlows + 1 {
		w.caller = at(i)
		w.connect()
		if i > 0 { // the first one is never the longest idle
			w.caller = at(0)
			w.send("A", i-1, "x")
		}
	}
	assert.Equal(t, maxFlows, w.flows.open.Len())
	assert.Zero(t, w.flows.opening.Len())
	assert.Equal(t, uint64(1), w.flows.stats.Lost)
	assert.Equal(t, `"" lost 0`, w.copies[1].String())
	assert.Len(t, w.copies[0].data.String(), maxFlows)
	assert.False(t, w.copies[0].ended)
	w.flows.close()
	assert.Equal(t, `"" use of closed network connection`, w.copies[2].String())
}

func TestFlowThatNobodyWants(t *testing.T) {
	w := newWorld(t)
	w.flows.new = func(Flow) Sink { return nil }
	w.connect()
	w.send("A", 0, "hello")
	w.send("AF", 5, "")
	assert.Zero(t, w.flows.open.Len())
	assert.Equal(t, Stats{Packets: 5, Connections: 1}, w.flows.stats)
}
