//go:build linux

package tap

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParsePeer(t *testing.T) {
	// As a little-endian machine writes it.
	for line, want := range map[string]string{
		"   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000":                                                 "127.0.0.1:40000",
		"   1: 0100007F:1F90 0100007F:9C40 03 00000000:00000000 00:00000000":                                                 "127.0.0.1:40000",
		"   1: 00000000000000000000000001000000:1F90 000009FD000000000000000001000000:9C40 08 00000000:00000000 00:00000000": "[fd09::1]:40000",
		"   1: 0000000000000000FFFF00000200090A:1F90 0000000000000000FFFF00000100090A:9C40 01 00000000:00000000 00:00000000": "10.9.0.1:40000",
		"   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000":                                                 "",
		"   0: 0100007F:1F90 0100007F:9C40 06 00000000:00000000 00:00000000":                                                 "",
		"  sl  local_address rem_address   st tx_queue rx_queue":                                                             "",
		"": "",
	} {
		got, ok := parsePeer([]byte(line))
		assert.Equal(t, want != "", ok, "parsePeer(%q)", line)
		if ok {
			assert.Equal(t, netip.MustParseAddrPort(want), got, "parsePeer(%q)", line)
		}
	}
}
