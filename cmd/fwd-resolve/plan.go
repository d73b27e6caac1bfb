package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/dns"
	"github.com/fwdtools/fwd/internal/route"
	"github.com/fwdtools/fwd/pkg/fwd"
)

// job is what the arguments ask for: names to look up, or a server to be.
type job interface {
	run(ctx context.Context, env cli.Env, client *fwd.Client, exchange dns.ExchangeFunc) error
}

// plan checks the arguments as far as that goes without a cluster.
func (c *command) plan(stdin *os.File) (job, error) {
	if c.Serve != "" {
		if len(c.Names) > 0 || c.Type != "" || c.V4 || c.V6 || c.JSON {
			return nil, errors.New("--serve goes with no names and no other way to answer")
		}
		address, err := checkServe(c.Serve)
		return server{address}, err
	}
	lookup := lookupFunc(dns.LookupHost, c.network())
	if c.Type != "" {
		typ, err := dns.ParseType(c.Type)
		if err != nil {
			return nil, err
		}
		lookup = lookupType(typ)
	}
	for _, name := range c.Names {
		if err := dns.CheckName(name); err != nil {
			return nil, err
		}
	}
	q := questions{lookup: lookup, json: c.JSON, tabbed: len(c.Names) != 1, names: args(c.Names)}
	if len(c.Names) == 0 {
		if info, err := stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return nil, errors.New("want a NAME, or names on standard input")
		}
		q.names = lines(stdin)
	}
	return q, nil
}

func (c *command) network() string {
	switch {
	case c.V4:
		return "ip4"
	case c.V6:
		return "ip6"
	}
	return "ip"
}

// lookup finds the records of one name.
type lookup func(ctx context.Context, exchange dns.ExchangeFunc, name string) (dns.Answer, error)

func lookupFunc(f func(context.Context, dns.ExchangeFunc, string, string) (dns.Answer, error), network string) lookup {
	return func(ctx context.Context, exchange dns.ExchangeFunc, name string) (dns.Answer, error) {
		return f(ctx, exchange, name, network)
	}
}

func lookupType(typ dnsmessage.Type) lookup {
	return func(ctx context.Context, exchange dns.ExchangeFunc, name string) (dns.Answer, error) {
		return dns.Lookup(ctx, exchange, name, typ)
	}
}

// checkServe allows port 0, unlike the address of a peer.
func checkServe(arg string) (string, error) {
	if host, port, err := net.SplitHostPort(arg); err == nil && port == "0" && host != "" {
		return arg, nil
	}
	address, err := route.ParseHostPort(arg)
	if err != nil {
		return "", fmt.Errorf("--serve: %w", err)
	}
	return address, nil
}
