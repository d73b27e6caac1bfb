package agent

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestStrangersOfOneAddressAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s strangers
		at := func(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }
		for i := range strangerBurst {
			assert.True(t, s.admits(at("10.0.0.9", i)), "failure %d", i)
			s.failed(at("10.0.0.9", i))
		}
		assert.False(t, s.admits(at("10.0.0.9", 1)))
		assert.False(t, s.admits(at("::ffff:10.0.0.9", 2)), "the same address, written as IPv6")
		assert.True(t, s.admits(at("10.0.0.1", 1)), "another address")
		time.Sleep(time.Second / strangerRate)
		assert.True(t, s.admits(at("10.0.0.9", 1)), "after a while")
		s.failed(at("10.0.0.9", 1))
		assert.False(t, s.admits(at("10.0.0.9", 1)))
	})
}

func TestStrangersOfManyAddressesTakeNoMemory(t *testing.T) {
	var s strangers
	for i := range 10 * strangerAddrs {
		s.failed(&net.TCPAddr{IP: net.IPv4(10, 0, byte(i>>8), byte(i))})
		assert.LessOrEqual(t, len(s.byAddr), strangerAddrs)
	}
}
