//go:build linux && netns

package tap

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// hashes is a New for copies that are too long to keep.
type hashes struct {
	ends  chan string   // hash and error of each
	slow  time.Duration // what Write takes
	bytes atomic.Int64

	largest atomic.Int64 // Write
}

type hashed struct {
	*hashes
	sum hash.Hash
}

func (h *hashes) New(Flow) Sink { return &hashed{h, sha256.New()} }

func (h *hashed) Write(b []byte) {
	if h.slow > 0 {
		time.Sleep(h.slow) // a sink that breaks its promise
	}
	h.sum.Write(b)
	h.bytes.Add(int64(len(b)))
	h.largest.Store(max(h.largest.Load(), int64(len(b))))
}

func (h *hashed) End(err error) { h.ends <- fmt.Sprintf("%x %v", h.sum.Sum(nil), err) }

// wait returns when so many bytes were copied.
func (h *hashes) wait(n int64) {
	for h.bytes.Load() < n {
		runtime.Gosched()
	}
}

func (h *hashes) open(t testing.TB, port int) (*Tap, func()) { return run(t, port, h.New) }

// run starts a tap that is to be stopped.
func run(t testing.TB, port int, new func(Flow) Sink) (tap *Tap, stop func()) {
	tap, err := Open(Config{Port: uint16(port), New: new})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tap.Run(ctx) }()
	return tap, func() { cancel(); require.NoError(t, <-done) }
}

// firstFragment is a segment for the port with the flag that says that more
// follows.
func firstFragment(w *world, port int) []byte {
	w.caller = netip.MustParseAddrPort("10.9.0.1:40000")
	w.local = netip.AddrPortFrom(netip.MustParseAddr("10.9.0.2"), uint16(port))
	b := w.packet(fromCaller, &layers.TCP{}, "A", "12345678").data
	binary.BigEndian.PutUint16(b[6:], 0x2000)
	return b
}

// withoutCapabilities calls f on a thread that has none, and lets it die.
func withoutCapabilities(f func() error) error {
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return err
	}
	return f()
}

// option sets a socket option before a socket connects.
func option(level, name, value int) func(_, _ string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (err error) {
		ctlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, value) })
		return errors.Join(ctlErr, err)
	}
}

// tcpiSynData is TCPI_OPT_SYN_DATA of linux/tcp.h.
const tcpiSynData = 32

func tcpInfo(c net.Conn) (info *unix.TCPInfo, err error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	ctlErr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	return info, errors.Join(ctlErr, err)
}
