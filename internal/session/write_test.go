package session

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

// narrow is a link on which bytes take time to be written.
type narrow struct {
	*memLink
	rate int // bytes a second
}

func (n narrow) Write(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(n.rate))
	return n.memLink.Write(b)
}

// One byte must not wait behind all that could be gathered.
func TestByteBesideBulkOnANarrowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 5_000_000 // 256 KiB take 52 ms
		client, agent := pair(t, func(testing.TB) (net.Conn, net.Conn) {
			a, b := memPair(time.Millisecond, 0)
			return narrow{a, rate}, b
		}, Config{}, Config{})
		bulk, sink := streamPair(t, client, agent)
		go io.Copy(io.Discard, sink)
		key, echo := streamPair(t, client, agent)
		go io.Copy(echo, echo)
		fill(bulk, 1<<30)
		time.Sleep(time.Second)
		for range 20 {
			begin := time.Now()
			write(t, key, "x")
			readN(t, key, 1)
			// A write that is under way, and a frame of the bulk beside it in the next.
			const most = 2 * (minGather + wire.MaxPayload)
			assert.Less(t, time.Since(begin), time.Second*most/rate+5*time.Millisecond)
		}
		sent := client.link.(narrow).out
		sent.mu.Lock()
		defer sent.mu.Unlock()
		require.NotEmpty(t, sent.writes)
		assert.Less(t, sent.writes[len(sent.writes)-1], minGather+2*wire.MaxPayload)
	})
}
