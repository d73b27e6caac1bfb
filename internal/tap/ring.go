//go:build linux

package tap

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ring. A block is handed over when it is full, or when it is as old as
// blockAge; so under little traffic 64 blocks last for 64 times that. A packet
// must fit into a block: segments merged by offload have up to 64 KiB, and up
// to 192 KiB where BIG TCP is set up as usual.
const (
	blocks    = 64
	blockSize = 256 << 10
	blockAge  = 5 * time.Millisecond
	frameSize = 2048 // means nothing to version 3, but has to fit
)

// ring is the memory that the kernel writes packets to (TPACKET_V3).
type ring struct {
	mem []byte
	at  int // the block that is read next
}

func (r *ring) open(fd int) (err error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return os.NewSyscallError("set the packet ring's version", err)
	}
	req := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: blocks,
		Frame_size: frameSize, Frame_nr: blocks * blockSize / frameSize,
		Retire_blk_tov: uint32(blockAge.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return os.NewSyscallError("make a packet ring", err)
	}
	r.mem, err = unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return os.NewSyscallError("map the packet ring", err)
}

func (r *ring) close() {
	if r.mem != nil {
		unix.Munmap(r.mem)
		r.mem = nil
	}
}

// raw is a packet as the kernel has it, from the IP header on.
type raw struct {
	data   []byte // valid until the block is given back
	length int    // of the packet, which may have been cut
	from   side
	v6     bool
	valid  bool // the checksum is known to be right, or was never made
}

// descriptor is where the head of the block that is read next begins.
func (r *ring) descriptor() (b []byte, head *unix.TpacketHdrV1) {
	b = r.mem[r.at*blockSize:][:blockSize]
	return b, (*unix.TpacketHdrV1)(unsafe.Pointer(&b[unsafe.Offsetof(unix.TpacketBlockDesc{}.Hdr)]))
}

func (r *ring) ready() bool {
	_, head := r.descriptor()
	return atomic.LoadUint32(&head.Block_status)&unix.TP_STATUS_USER != 0
}

// block calls take for each packet of the block that is ready, and gives the
// block back.
func (r *ring) block(take func(raw)) error {
	b, head := r.descriptor()
	off := int(head.Offset_to_first_pkt)
	for range head.Num_pkts {
		if off+sizeofHeader > len(b) {
			return fmt.Errorf("read the packet ring: offset %d is outside of a block", off)
		}
		p := (*unix.Tpacket3Hdr)(unsafe.Pointer(&b[off]))
		from := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&b[off+sizeofHdr]))
		data := b[off+int(p.Net):]
		take(raw{
			data:   data[:p.Snaplen],
			length: int(p.Len),
			from:   from.Pkttype == unix.PACKET_OUTGOING,
			v6:     len(data) > 0 && p.Snaplen > 0 && data[0]>>4 == 6,
			valid:  p.Status&(unix.TP_STATUS_CSUMNOTREADY|unix.TP_STATUS_CSUM_VALID) != 0,
		})
		off += int(p.Next_offset)
	}
	atomic.StoreUint32(&head.Block_status, unix.TP_STATUS_KERNEL)
	r.at = (r.at + 1) % blocks
	return nil
}

// A packet's head is followed by the address that recvfrom would give.
const (
	sizeofHdr    = (int(unsafe.Sizeof(unix.Tpacket3Hdr{})) + unix.TPACKET_ALIGNMENT - 1) &^ (unix.TPACKET_ALIGNMENT - 1)
	sizeofHeader = sizeofHdr + unix.SizeofSockaddrLinklayer
)
