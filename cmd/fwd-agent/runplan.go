package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/route"
)

// job is what the arguments of run ask for, checked as far as that goes without
// a cluster.
type job struct {
	locals   []route.Local
	remotes  []deliver.Route
	child    *child
	warnings []string
}

// AfterApply refuses -- without a command, which is a variable that is not set.
func (c *runCommand) AfterApply(k *kong.Context) error {
	if len(c.Command) == 0 && slices.Contains(k.Args, "--") {
		return errors.New("want a command after --")
	}
	return nil
}

func (c *runCommand) plan() (job, error) {
	var j job
	if len(c.Local)+len(c.Remote)+len(c.Command) == 0 {
		return j, errors.New("want -L, -R or a command after --")
	}
	if len(c.Remote) > 0 && c.Target.Target == "" {
		return j, errors.New("-R needs a target: -t")
	}
	for _, arg := range c.Local {
		l, err := route.ParseLocal(arg)
		if err != nil {
			return j, err
		}
		j.locals = append(j.locals, l)
	}
	if err := route.Distinct(j.locals); err != nil {
		return j, err
	}
	var err error
	if j.remotes, j.warnings, err = c.remotes(); err != nil {
		return j, err
	}
	if len(c.Command) > 0 {
		j.child, err = findChild(c.Command)
	}
	return j, err
}

// remotes reads -R, and how it is captured.
func (c *runCommand) remotes() (routes []deliver.Route, warnings []string, err error) {
	if len(c.Remote) == 0 {
		if flag := c.Capture.Given(); flag != "" {
			return nil, nil, fmt.Errorf("%s says how -R captures, and there is no -R", flag)
		}
		return nil, nil, nil
	}
	var remotes []route.Remote
	for _, arg := range c.Remote {
		r, err := route.ParseRemote(arg)
		if err != nil {
			return nil, nil, err
		}
		remotes = append(remotes, r)
	}
	if err := route.DistinctRemote(remotes); err != nil {
		return nil, nil, err
	}
	routes = make([]deliver.Route, len(remotes))
	for i, r := range remotes {
		routes[i] = deliver.Route{Port: r.Port, To: destination(r.To)}
		if c.File != "" && !strings.Contains(c.Remote[i], ":") {
			routes[i].To = nil // the file may map the port to another
		}
	}
	if warnings, err = c.Fill(c.Target, routes); err != nil {
		return nil, nil, err
	}
	for i := range routes {
		if routes[i].To == nil {
			routes[i].To = destination(remotes[i].To)
		}
	}
	return routes, warnings, nil
}

func destination(to route.Address) deliver.Destination {
	if to.Network == "unix" {
		return deliver.Unix(to.Address)
	}
	return deliver.TCP(to.Address)
}
