package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fwdtools/fwd/internal/cli"
	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/route"
)

// plan is what the arguments ask for, checked as far as that goes without a
// cluster.
type plan struct {
	target   string          // for people
	allPods  bool            // of the target
	routes   []deliver.Route // one without a destination goes to standard output, alone
	keep     bool
	format   string
	warnings []string
}

// errNoTarget has a hint.
var errNoTarget = errors.New("want a target: -t")

// wrongUse is err for the prompt.
func wrongUse(err error) error {
	if errors.Is(err, errNoTarget) {
		return &cli.ExitError{Code: cli.ExitUsage, Err: err, Hint: "it is the pod whose port it is, or what owns it, such as -t deploy/web"}
	}
	return cli.Usage(err)
}

// cutHandler takes what follows -- off the arguments: kong would take it for
// more ports. It is not nil if there was a --.
func cutHandler(args []string) (rest, handler []string) {
	i := slices.Index(args, "--")
	if i < 0 {
		return args, nil
	}
	return args[:i], append([]string{}, args[i+1:]...)
}

func (c *command) plan() (plan, error) {
	p := plan{target: c.Target.Target, allPods: c.AllPods, keep: c.Keep, format: c.Format}
	switch {
	case c.Target.Target == "":
		return p, errNoTarget
	case len(c.Ports) == 0:
		return p, errors.New("want a port of the target")
	}
	var remotes []route.Remote
	for _, arg := range c.Ports {
		r, err := route.ParseListen(arg)
		if err != nil {
			return p, err
		}
		remotes = append(remotes, r)
		p.routes = append(p.routes, deliver.Route{Port: r.Port, To: destination(r.To)})
	}
	if err := route.DistinctRemote(remotes); err != nil {
		return p, err
	}
	if c.Handler != nil {
		if err := p.handle(c.Handler); err != nil {
			return p, err
		}
	}
	var err error
	if p.warnings, err = c.Fill(c.Target, p.routes); err != nil {
		return p, err
	}
	return p, p.checkStdout()
}

// destination is nil for a port alone.
func destination(to route.Address) deliver.Destination {
	switch {
	case to.IsZero():
		return nil
	case to.Network == "unix":
		return deliver.Unix(to.Address)
	}
	return deliver.TCP(to.Address)
}

// handle gives connections to a command.
func (p *plan) handle(argv []string) error {
	switch {
	case len(argv) == 0:
		return errors.New("want a command after --")
	case len(p.routes) > 1:
		return fmt.Errorf("want one port for the command after --, not %d", len(p.routes))
	case p.routes[0].To != nil:
		return fmt.Errorf("want either %v or a command after --", p.routes[0].To)
	}
	handler := deliver.Command(argv)
	p.routes[0].To = handler
	if err := handler.Find(); err != nil {
		return fmt.Errorf("-- %s: %w", argv[0], err)
	}
	return nil
}

// checkStdout sees that one port at most goes to standard output, and that what
// is said about it has something to be about.
func (p plan) checkStdout() error {
	i := slices.IndexFunc(p.routes, func(r deliver.Route) bool { return r.To == nil })
	if i < 0 {
		switch {
		case p.keep:
			return errors.New("-k is for a port alone: other destinations take connections as they come")
		case p.format != "":
			return errors.New("--format is for a port alone: it says how standard output is written")
		}
		return nil
	}
	r := p.routes[i]
	switch {
	case len(p.routes) > 1:
		return fmt.Errorf("port %d has no destination, such as %d:8080: standard output is for a port alone", r.Port, r.Port)
	case p.format != "" && p.format != "jsonl" && p.format != "pcap":
		return fmt.Errorf("--format %q: want jsonl or pcap", p.format)
	case p.format != "" && p.keep:
		return errors.New("want either -k or --format: a format goes on by itself")
	case p.allPods && p.format == "" && !p.keep:
		return errors.New("--all-pods with a port alone needs -k or --format: there is more than one connection")
	case r.Settings.Fallback:
		return errors.New("--fallback is for a local address or a command: standard output takes every connection")
	}
	return nil
}
