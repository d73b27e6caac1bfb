package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/fwdtools/fwd/internal/route"
)

// plan is what the arguments ask for, checked as far as that goes without a
// cluster.
type plan struct {
	address string        // for standard input and output, or
	routes  []route.Local // local ports
	noAgent bool
}

func (c *command) plan() (plan, error) {
	p := plan{noAgent: c.NoAgent}
	switch {
	case c.Address == "" && len(c.Local) == 0:
		return p, errors.New("want HOST:PORT or -L")
	case c.Address != "" && len(c.Local) > 0:
		return p, fmt.Errorf("want either HOST:PORT or -L, not %q and -L", c.Address)
	case c.NoAgent && c.Target.Target == "":
		return p, errors.New("--no-agent needs a target: -t")
	}
	if c.Address != "" {
		var err error
		if p.address, err = route.ParseHostPort(c.Address); err != nil {
			return p, err
		}
		return p, p.checkNoAgent(p.address)
	}
	for _, arg := range c.Local {
		l, err := route.ParseLocal(arg)
		if err == nil {
			err = p.checkNoAgent(l.Remote)
		}
		if err != nil {
			return p, err
		}
		p.routes = append(p.routes, l)
	}
	return p, route.Distinct(p.routes)
}

// checkNoAgent refuses what a plain port-forward cannot reach.
func (p plan) checkNoAgent(address string) error {
	if !p.noAgent {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--no-agent reaches only localhost of the target, not %q", host)
	}
	return nil
}
