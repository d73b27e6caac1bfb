package transcript

import (
	"bytes"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

const (
	snapLen    = 1 << 16 // no packet is longer
	maxSegment = 16 << 10
)

// Pcap writes a capture file of packets that could have carried the connections:
// TCP with a handshake, right sequence numbers and checksums, and
// acknowledgements of the side that was called. Each event is one call of Write.
type Pcap struct {
	mu   sync.Mutex
	w    io.Writer      // guarded by mu
	buf  bytes.Buffer   // guarded by mu; packets that go to w next
	file *pcapgo.Writer // guarded by mu; to buf
	ids  uint32         // guarded by mu
}

// NewPcap writes to w, which gets the file's header at once.
func NewPcap(w io.Writer) (*Pcap, error) {
	p := &Pcap{w: w}
	p.file = pcapgo.NewWriterNanos(&p.buf)
	p.file.WriteFileHeader(snapLen, layers.LinkTypeRaw) // to a buffer: cannot fail
	return p, p.flush()
}

// flush writes what is in buf. Called with mu held.
func (p *Pcap) flush() error {
	_, err := p.buf.WriteTo(p.w)
	p.buf.Reset() // also of what w did not take
	return err
}

// Open implements Writer.
func (p *Pcap) Open(caller, local netip.AddrPort) (Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids++
	c := &pcapConn{p: p}
	// The same addresses come again: sequence numbers tell connections apart.
	c.caller = &end{addr: unmap(caller), next: p.ids << 20}
	c.local = &end{addr: unmap(local), next: p.ids<<20 + 1<<31}
	c.packet(c.caller, layers.TCP{SYN: true}, nil)
	c.packet(c.local, layers.TCP{SYN: true, ACK: true}, nil)
	c.packet(c.caller, layers.TCP{ACK: true}, nil)
	return c, p.flush()
}

type pcapConn struct {
	p             *Pcap
	caller, local *end // guarded by p.mu
	closed        bool // guarded by p.mu
}

// end is one end of a connection.
type end struct {
	addr netip.AddrPort
	next uint32 // sequence number of what it sends next
}

// Write implements Conn.
func (c *pcapConn) Write(b []byte) (int, error) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for rest := b; len(rest) > 0; {
		n := min(len(rest), maxSegment)
		c.packet(c.caller, layers.TCP{ACK: true, PSH: n == len(rest)}, rest[:n])
		c.packet(c.local, layers.TCP{ACK: true}, nil)
		rest = rest[n:]
	}
	if err := c.p.flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close implements Conn. What is no end of data is a reset.
func (c *pcapConn) Close(err error) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if err != nil {
		c.packet(c.caller, layers.TCP{RST: true, ACK: true}, nil)
		return c.p.flush()
	}
	c.packet(c.caller, layers.TCP{FIN: true, ACK: true}, nil)
	c.packet(c.local, layers.TCP{FIN: true, ACK: true}, nil)
	c.packet(c.caller, layers.TCP{ACK: true}, nil)
	return c.p.flush()
}

// packet adds one of from to the buffer. Called with p.mu held.
func (c *pcapConn) packet(from *end, tcp layers.TCP, payload []byte) {
	to := c.caller
	if from == c.caller {
		to = c.local
	}
	tcp.SrcPort, tcp.DstPort = layers.TCPPort(from.addr.Port()), layers.TCPPort(to.addr.Port())
	tcp.Seq, tcp.Window = from.next, 1<<16-1
	if tcp.ACK {
		tcp.Ack = to.next
	}
	from.next += uint32(len(payload))
	if tcp.SYN || tcp.FIN {
		from.next++
	}
	b := serialize(from.addr.Addr(), to.addr.Addr(), &tcp, payload)
	c.p.file.WritePacket(gopacket.CaptureInfo{Timestamp: time.Now(), CaptureLength: len(b), Length: len(b)}, b)
}

// serialize puts a segment into a packet of IPv4, or of IPv6 if either address
// is.
func serialize(src, dst netip.Addr, tcp *layers.TCP, payload []byte) []byte {
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if src.Is4() && dst.Is4() {
		ip = &layers.IPv4{Version: 4, TTL: 64, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	} else {
		src, dst := src.As16(), dst.As16()
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: src[:], DstIP: dst[:]}
	}
	buf := gopacket.NewSerializeBuffer()
	err := tcp.SetNetworkLayerForChecksum(ip)
	if err == nil {
		err = gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, tcp, gopacket.Payload(payload))
	}
	if err != nil {
		panic("transcript: " + err.Error()) // it fits and has all that it needs
	}
	return buf.Bytes()
}
