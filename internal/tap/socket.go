//go:build linux

package tap

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// socket is an AF_PACKET socket with a ring. gopacket's afpacket would bind
// before there is a filter, and tells nothing of a packet's checksum and
// direction.
type socket struct {
	file *os.File
	raw  syscall.RawConn
	ring
}

// listen makes a socket that gets what the program takes, of all devices there
// are and will be. It belongs to the network namespace of the calling thread.
func listen(program []bpf.Instruction) (*socket, error) {
	code, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble the packet filter: %w", err)
	}
	// With protocol 0 it gets nothing until it is bound.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open a packet socket", err)
	}
	s := &socket{file: os.NewFile(uintptr(fd), "packet socket")}
	if err := s.setUp(fd, code); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) setUp(fd int, code []bpf.RawInstruction) (err error) {
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: (*unix.SockFilter)(unsafe.Pointer(&code[0]))}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return os.NewSyscallError("attach the packet filter", err)
	}
	if err := s.ring.open(fd); err != nil {
		return err
	}
	all := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
	return os.NewSyscallError("bind a packet socket", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all}))
}

// wait returns when the ring has something to read, or at the deadline.
func (s *socket) wait(deadline time.Time) error {
	if err := s.file.SetReadDeadline(deadline); err != nil {
		return err
	}
	return s.raw.Read(func(uintptr) bool { return s.ready() })
}

// dropped is how many packets did not fit into the ring since it was last
// asked.
func (s *socket) dropped() (n uint64, err error) {
	ctlErr := s.raw.Control(func(fd uintptr) {
		var stats *unix.TpacketStatsV3
		stats, err = unix.GetsockoptTpacketStatsV3(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			n = uint64(stats.Drops)
		}
	})
	if ctlErr != nil {
		return 0, ctlErr
	}
	return n, os.NewSyscallError("read packet statistics", err)
}

func (s *socket) close() {
	s.file.Close()
	s.ring.close()
}
