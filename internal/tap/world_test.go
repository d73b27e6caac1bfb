//go:build linux

package tap

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testPort = 8080

var (
	caller4 = netip.MustParseAddrPort("10.0.0.1:40000")
	local4  = netip.MustParseAddrPort("10.0.0.2:8080")
)

// world is a flows without a socket, whose packets a test makes.
type world struct {
	t             testing.TB
	flows         *flows
	proc          string // what stands for /proc/net/tcp
	caller, local netip.AddrPort
	isn           uint32
	copies        []*copied
}

// copied is a Sink that keeps what it gets.
type copied struct {
	Flow
	data  strings.Builder
	ended bool
	err   error
}

func (c *copied) Write(b []byte) {
	if c.ended {
		panic("Write after End")
	}
	c.data.Write(b)
}

func (c *copied) End(err error) {
	if c.ended {
		panic("End after End")
	}
	c.ended, c.err = true, err
}

// String says all of a copy: its bytes, and how it ended.
func (c *copied) String() string {
	var lost *LostError
	how := "open"
	switch {
	case errors.As(c.err, &lost):
		how = fmt.Sprintf("lost %d", lost.Bytes)
	case errors.Is(c.err, syscall.ECONNRESET):
		how = "reset"
	case c.err != nil:
		how = c.err.Error()
	case c.ended:
		how = "end"
	}
	if c.Joined {
		how = "joined, " + how
	}
	return fmt.Sprintf("%q %s", c.data.String(), how)
}

func newWorld(t testing.TB, connected ...netip.AddrPort) *world {
	w := &world{t: t, proc: filepath.Join(t.TempDir(), "tcp"), caller: caller4, local: local4, isn: 1000}
	w.connected(connected...)
	f, err := os.Open(w.proc)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	w.flows = newFlows(func(f Flow) Sink {
		c := &copied{Flow: f}
		w.copies = append(w.copies, c)
		return c
	}, &peers{files: []*os.File{f}})
	require.NoError(t, w.flows.recall())
	return w
}

// connected says whom the kernel has connections with from now on.
func (w *world) connected(callers ...netip.AddrPort) {
	lines := "  sl  local_address rem_address   st …\n"
	for i, c := range callers {
		a := c.Addr().As4()
		lines += fmt.Sprintf("%4d: 0200000A:1F90 %02X%02X%02X%02X:%04X 01 00000000:00000000\n", i, a[3], a[2], a[1], a[0], c.Port())
	}
	require.NoError(w.t, os.WriteFile(w.proc, []byte(lines), 0o600))
}

// send makes a segment of the caller; off counts from the first byte of data.
func (w *world) send(flags string, off int, data string) {
	tcp := &layers.TCP{Seq: w.isn + 1 + uint32(off), Ack: 5000}
	if strings.Contains(flags, "S") {
		tcp.Seq--
	}
	w.segment(fromCaller, tcp, flags, data)
}

// reply makes a segment of the pod, that has got everything before off.
func (w *world) reply(flags string, off int) {
	w.segment(fromPod, &layers.TCP{Seq: 7000, Ack: w.isn + 1 + uint32(off)}, flags, "")
}

func (w *world) segment(s side, tcp *layers.TCP, flags, data string) {
	w.t.Helper()
	w.flows.take(w.packet(s, tcp, flags, data), testPort)
}

// packet puts a segment into an IP packet.
func (w *world) packet(s side, tcp *layers.TCP, flags, data string) raw {
	from, to := w.caller, w.local
	if s == fromPod {
		from, to = to, from
	}
	tcp.SrcPort, tcp.DstPort = layers.TCPPort(from.Port()), layers.TCPPort(to.Port())
	tcp.SYN, tcp.ACK = strings.Contains(flags, "S"), strings.Contains(flags, "A")
	tcp.FIN, tcp.RST = strings.Contains(flags, "F"), strings.Contains(flags, "R")
	var ip gopacket.SerializableLayer
	if from.Addr().Is4() {
		ip4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
		tcp.SetNetworkLayerForChecksum(ip4)
		ip = ip4
	} else {
		ip6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
		tcp.SetNetworkLayerForChecksum(ip6)
		ip = ip6
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	require.NoError(w.t, gopacket.SerializeLayers(buf, opts, ip, tcp, gopacket.Payload(data)))
	b := append([]byte(nil), buf.Bytes()...)
	return raw{data: b, length: len(b), from: s, v6: from.Addr().Is6()}
}

// connect opens the connection.
func (w *world) connect() {
	w.send("S", 0, "")
	w.reply("SA", 0)
	w.send("A", 0, "")
}

// later lets time pass, in which the kernel drops so many packets.
func (w *world) later(d time.Duration, dropped uint64) {
	w.flows.turn(w.flows.now.Add(d), dropped)
}

// all is what has been copied.
func (w *world) all() []string {
	var all []string
	for _, c := range w.copies {
		all = append(all, c.String())
	}
	return all
}

// checkForgotten sees that the assembler has no flow that is over.
func (w *world) checkForgotten() {
	w.t.Helper()
	pool := reflect.ValueOf(w.flows.asm).Elem().FieldByName("connPool").Elem()
	assert.Equal(w.t, w.flows.open.Len()+w.flows.opening.Len(), pool.FieldByName("conns").Len())
}
