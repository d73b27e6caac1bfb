//go:build linux

package tap

import (
	"bytes"
	"errors"
	"strings"
)

// watch is a connection that existed before the tap. It is joined where a
// request of HTTP/1 begins, as far as can be known from the caller's side.
type watch struct {
	seen bool
	end  uint32 // of the caller's last data
	ack  uint32 // what the caller had of the pod's answers then
}

// recall makes a watch for each connection that there is.
func (t *flows) recall() error {
	peers, err := t.peers.list()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	for peer := range peers {
		t.old[peer] = &watch{}
	}
	return err
}

// joins says whether a request begins with p. A body may hold what looks like
// one, so the caller must have got some answer since its last data, if the tap
// has seen any.
func (w *watch) joins(p *packet) bool {
	tcp := &p.tcp
	if len(tcp.Payload) == 0 || tcp.RST || !tcp.ACK {
		return false
	}
	end := tcp.Seq + uint32(len(tcp.Payload)+p.missing)
	if w.seen && !before(w.end, end) {
		return false // a repetition
	}
	after := !w.seen || tcp.Seq == w.end && before(w.ack, tcp.Ack)
	w.seen, w.end, w.ack = true, end, tcp.Ack
	return after && p.missing == 0 && isRequest(tcp.Payload)
}

const maxMethod = 20

// isRequest says whether b begins with the request line of an HTTP/1 request,
// or with as much of one as b has: "METHOD SP /" at least.
func isRequest(b []byte) bool {
	method, rest, _ := bytes.Cut(b[:min(len(b), 16<<10)], []byte(" "))
	if len(method) == 0 || len(method) > maxMethod || len(bytes.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")) > 0 {
		return false
	}
	target, version, whole := bytes.Cut(rest, []byte(" "))
	for _, c := range target {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	line := "HTTP/1.1\r\n"
	if len(version) > 7 && version[7] == '0' {
		line = "HTTP/1.0\r\n"
	}
	version = version[:min(len(version), len(line))]
	switch {
	case len(target) == 0, !strings.HasPrefix(line, string(version)):
		return false
	case target[0] == '/':
		return true
	default: // "*", "host:port", "http://…"
		return whole && len(version) == len(line)
	}
}
