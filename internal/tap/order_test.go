//go:build linux

package tap

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzOrder sends parts of a stream in any order, overlapping, again and
// again. The copy must be the beginning of the stream at all times, all of it
// at the end, and never a hole.
func FuzzOrder(f *testing.F) {
	f.Add(uint32(1000), []byte{0, 5, 5, 5, 10, 40})
	f.Add(uint32(0xfffffff0), []byte{40, 5, 3, 50, 10, 40, 0, 1, 39, 2, 2, 38})
	f.Add(uint32(0x7ffffff0), []byte{200, 1, 100, 255, 50, 255})
	var stream strings.Builder
	for i := range 100 {
		fmt.Fprintf(&stream, "%03d ", i)
	}
	all := stream.String()
	f.Fuzz(func(t *testing.T, isn uint32, parts []byte) {
		w := newWorld(t)
		w.isn = isn
		w.connect()
		require.Len(t, w.copies, 1)
		c := w.copies[0]
		for ; len(parts) >= 2; parts = parts[2:] {
			off := int(parts[0])
			data := all[off:min(len(all), off+int(parts[1]&0x7f))]
			flags := "A"
			if parts[1]&0x80 != 0 {
				data, flags = all[off:], "AF"
			}
			w.send(flags, off, data)
			require.True(t, strings.HasPrefix(all, c.data.String()), "copy is %q", c.data.String())
			require.NoError(t, c.err)
			if c.ended {
				break
			}
		}
		w.send("A", 0, all[:250])
		w.send("AF", 250, all[250:])
		assert.Equal(t, fmt.Sprintf("%q end", all), c.String())
		assert.Zero(t, w.flows.open.Len()+w.flows.opening.Len()+len(w.flows.gaps))
		w.checkForgotten()
	})
}

// FuzzSegments sends whatever a caller and a pod may send, sense or nonsense.
// Each copy ends once, and the assembler keeps what the table has and no more.
func FuzzSegments(f *testing.F) {
	f.Add([]byte{2, 0, 0, 16, 0, 5, 17, 5, 0, 18 | 64, 0, 0, 20 | 64, 5, 0})
	f.Add([]byte{2, 0, 9, 16, 9, 5, 2, 40, 0, 18 | 64, 40, 0, 16, 40, 3, 16, 60, 3, 4, 63, 0})
	f.Fuzz(func(t *testing.T, segments []byte) {
		w := newWorld(t, caller4)
		for ; len(segments) >= 3; segments = segments[3:] {
			flags, off, n := segments[0], segments[1], int(segments[2])
			w.caller = netip.AddrPortFrom(caller4.Addr(), caller4.Port()+uint16(flags>>5&1))
			s := fromCaller
			if flags&64 != 0 {
				s = fromPod
			}
			text := ""
			for i, c := range "FSRPA" {
				if flags&(1<<i) != 0 {
					text += string(c)
				}
			}
			w.segment(s, &layers.TCP{Seq: w.isn + uint32(off), Ack: w.isn + uint32(off)}, text, get[:min(n, len(get))])
			if flags&128 != 0 {
				w.later(time.Duration(n)*time.Second, uint64(off&1))
			}
		}
		open := w.flows.open.Len() + w.flows.opening.Len()
		lost := 0
		for _, c := range w.copies {
			if errors.Is(c.err, ErrLost) {
				lost++
			}
			if !c.ended {
				open--
			}
		}
		assert.Equal(t, w.flows.opening.Len(), open)
		assert.LessOrEqual(t, lost, int(w.flows.stats.Lost))
		w.checkForgotten()
		w.flows.close()
		for _, c := range w.copies {
			assert.True(t, c.ended)
		}
	})
}
