//go:build linux

package tap

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
)

const get = "GET /a?b=c HTTP/1.1\r\n"

func TestOldConnectionIsJoinedAtARequest(t *testing.T) {
	answered := func(w *world, off int, ack uint32, data string) {
		w.segment(fromCaller, &layers.TCP{Seq: w.isn + 1 + uint32(off), Ack: ack}, "A", data)
	}
	for _, tt := range []struct {
		name string
		run  func(w *world)
		want []string
	}{
		{"the first that comes is a request", func(w *world) {
			w.send("A", 0, get)
			w.send("A", len(get), "\r\n")
			w.send("AF", len(get)+2, "")
		}, []string{`"GET /a?b=c HTTP/1.1\r\n\r\n" joined, end`}},
		{"the first that comes is the middle of something", func(w *world) {
			w.send("A", 0, "xyz")
			w.send("A", 3, "xyz")
			w.send("AF", 6, "")
		}, nil},
		{"what looks like a request follows with no answer in between", func(w *world) {
			answered(w, 0, 100, "xyz")
			answered(w, 3, 100, get)
		}, nil},
		{"a request follows an answer", func(w *world) {
			answered(w, 0, 100, "xyz")
			answered(w, 3, 200, "")
			answered(w, 3, 200, get)
		}, []string{`"GET /a?b=c HTTP/1.1\r\n" joined, open`}},
		{"a request follows a gap", func(w *world) {
			answered(w, 0, 100, "xyz")
			answered(w, 4, 200, get)
		}, nil},
		{"a request is a repetition", func(w *world) {
			answered(w, 0, 100, "xyz"+get)
			answered(w, 3, 200, get)
		}, nil},
		{"a connection that is over is not joined again", func(w *world) {
			w.send("AF", 0, get)
			w.send("AF", 0, get)
		}, []string{`"GET /a?b=c HTTP/1.1\r\n" joined, end`}},
		{"HTTP/2 cannot be joined", func(w *world) {
			w.send("A", 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		}, nil},
		{"the caller's port is used again", func(w *world) {
			w.connect()
			w.send("AF", 0, "xyz")
		}, []string{`"xyz" end`}},
		{"the pod breaks off before anything was joined", func(w *world) {
			w.reply("R", 0)
			w.send("R", 0, "")
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, caller4)
			tt.run(w)
			assert.Equal(t, tt.want, w.all())
		})
	}
}

func TestOldConnectionIsForgottenWithTheKernel(t *testing.T) {
	w := newWorld(t, caller4, netip.MustParseAddrPort("10.0.0.1:40001"))
	w.connected(caller4)
	w.later(sweepEvery, 0)
	assert.Len(t, w.flows.old, 1)
}

func TestIsRequest(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want bool
	}{
		{get, true},
		{"GET / HTTP/1.0\r\nHost: x", true},
		{"GET /", true},
		{"GET / ", true},
		{"GET / HTTP/1.", true},
		{"VERSION-CONTROL /x HTTP/1.1\r\n", true},
		{"OPTIONS * HTTP/1.1\r\n", true},
		{"CONNECT host:80 HTTP/1.1\r\n", true},
		{"GET http://host/ HTTP/1.1\r\n", true},
		{"POST /" + strings.Repeat("x", 5000), true},
		{"GET http://host/", false},
		{"", false},
		{"GET", false},
		{"GET ", false},
		{"GET  / HTTP/1.1\r\n", false},
		{"GET / HTTP/2.0\r\n", false},
		{"GET / HTTX", false},
		{"GET /a b", false},
		{"GET /\r\n", false},
		{"get / HTTP/1.1\r\n", false},
		{" GET / HTTP/1.1\r\n", false},
		{"\x16\x03\x01\x02\x00 /", false},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZ / HTTP/1.1\r\n", false},
	} {
		assert.Equal(t, tt.want, isRequest([]byte(tt.in)), "isRequest(%.40q)", tt.in)
	}
}

func TestWithoutProcNothingIsJoinedAndNothingEnds(t *testing.T) {
	w := newWorld(t)
	w.flows.peers = &peers{}
	assert.NoError(t, w.flows.recall())
	w.send("A", 0, get)
	w.connect()
	w.later(2*sweepEvery, 0)
	assert.Equal(t, []string{`"" open`}, w.all())
}
