package transcript

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/gopacket/gopacket/reassembly"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// written is a capture file of two connections from the same address, and one of
// IPv6 that is reset.
func written(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	p, err := NewPcap(&out)
	require.NoError(t, err)
	for _, text := range []string{"first " + strings.Repeat("x", 100_000), "second"} {
		c, err := p.Open(caller, local)
		require.NoError(t, err)
		io.WriteString(c, text)
		io.WriteString(c, " and more")
		require.NoError(t, c.Close(nil))
		require.NoError(t, c.Close(nil))
	}
	c, err := p.Open(netip.MustParseAddrPort("[fd00::7]:4711"), netip.MustParseAddrPort("[::ffff:10.1.0.9]:80"))
	require.NoError(t, err)
	io.WriteString(c, "third")
	require.NoError(t, c.Close(errors.New("reset")))
	return out.Bytes()
}

// flows reassembles the streams of a capture file.
type flows struct {
	t    *testing.T
	text []string
	ends []bool
}

type flow struct {
	flows *flows
	i     int
}

func (f *flows) New(gopacket.Flow, gopacket.Flow, *layers.TCP, reassembly.AssemblerContext) reassembly.Stream {
	f.text, f.ends = append(f.text, ""), append(f.ends, false)
	return &flow{f, len(f.text) - 1}
}

func (f *flow) Accept(tcp *layers.TCP, _ gopacket.CaptureInfo, _ reassembly.TCPFlowDirection, _ reassembly.Sequence, start *bool, _ reassembly.AssemblerContext) bool {
	return true
}

func (f *flow) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	n, _ := sg.Lengths()
	_, start, end, skip := sg.Info()
	assert.True(f.flows.t, start || skip == 0, "%d bytes are missing", skip)
	f.flows.text[f.i] += string(sg.Fetch(n))
	f.flows.ends[f.i] = f.flows.ends[f.i] || end
}

func (f *flow) ReassemblyComplete(reassembly.AssemblerContext) bool { return true }

type context gopacket.CaptureInfo

func (c *context) GetCaptureInfo() gopacket.CaptureInfo { return gopacket.CaptureInfo(*c) }

func TestPcapIsReadBack(t *testing.T) {
	r, err := pcapgo.NewReader(bytes.NewReader(written(t)))
	require.NoError(t, err)
	assert.Equal(t, layers.LinkTypeRaw, r.LinkType())
	f := &flows{t: t}
	assembler := reassembly.NewAssembler(reassembly.NewStreamPool(f))
	src := gopacket.NewPacketSource(r, r.LinkType())
	for {
		packet, err := src.NextPacket()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.Nil(t, packet.ErrorLayer())
		tcp := packet.TransportLayer().(*layers.TCP)
		require.NoError(t, tcp.SetNetworkLayerForChecksum(packet.NetworkLayer()))
		err, mismatches := packet.VerifyChecksums()
		require.NoError(t, err)
		assert.Empty(t, mismatches)
		ci := context(packet.Metadata().CaptureInfo)
		assembler.AssembleWithContext(packet.NetworkLayer().NetworkFlow(), tcp, &ci)
	}
	assembler.FlushAll()
	var text []string
	for i := range f.text {
		if f.text[i] != "" { // else it is the last ACK, alone
			text = append(text, f.text[i])
			assert.True(t, f.ends[i])
		}
	}
	require.Len(t, text, 3)
	assert.True(t, text[0] == "first "+strings.Repeat("x", 100_000)+" and more", "%d bytes", len(text[0]))
	assert.Equal(t, []string{"second and more", "third"}, text[1:])
}

func TestPcapIsReadByTcpdump(t *testing.T) {
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("needs tcpdump, which is not installed")
	}
	cmd := exec.Command(path, "-nn", "-vv", "-r", "-")
	cmd.Stdin = bytes.NewReader(written(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "10.1.0.7.4711 > 10.1.0.9.80: Flags [S]")
	assert.Contains(t, string(out), "fd00::7.4711 > ::ffff:10.1.0.9.80: Flags [R.]")
	assert.NotContains(t, string(out), "incorrect")
	assert.NotContains(t, string(out), "bad cksum")
}
