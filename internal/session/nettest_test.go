package session

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/fwdtools/fwd/pkg/wire"
)

func TestStreamIsANetConn(t *testing.T) {
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				client, agent := pair(t, link.make, Config{}, Config{})
				st1, err := client.Open(wire.KindTCP, "a:1")
				require.NoError(t, err)
				st2, err := agent.Accept(context.Background())
				require.NoError(t, err)
				st2.Accept("a:1")
				return st1, st2, func() { client.Close(); agent.Close() }, nil
			})
		})
	}
}
