package main

import (
	"context"
	"fmt"
	"net"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/dns"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// server is a DNS server on a local address.
type server struct{ address string }

func (s server) run(ctx context.Context, env cli.Env, client *fwd.Client, exchange dns.ExchangeFunc) error {
	pc, ln, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if err := client.Connect(ctx); err != nil {
		pc.Close()
		ln.Close()
		return err
	}
	fmt.Fprintf(env.Stdout, "%v\n", ln.Addr())
	return (&dns.Server{Exchange: exchange}).Serve(ctx, pc, ln)
}

// listen opens both sockets on one port. When the kernel may choose, it
// chooses for TCP, and the port may be taken for UDP: then another one is
// tried.
func (s server) listen(ctx context.Context) (net.PacketConn, net.Listener, error) {
	var lc net.ListenConfig
	for tries := 10; ; tries-- {
		ln, err := lc.Listen(ctx, "tcp", s.address)
		if err != nil {
			return nil, nil, fmt.Errorf("--serve %s: %w", s.address, err)
		}
		pc, err := lc.ListenPacket(ctx, "udp", ln.Addr().String())
		if err == nil {
			return pc, ln, nil
		}
		ln.Close()
		_, port, _ := net.SplitHostPort(s.address)
		if port != "0" || tries == 0 {
			return nil, nil, fmt.Errorf("--serve %s: %w", s.address, err)
		}
	}
}
