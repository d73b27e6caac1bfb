package main

import (
	"fmt"
	"strings"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/pkg/wire"
)

// modes says what is going to be done to which ports, and who answers callers.
func (p plan) modes() (lines []string) {
	var order []string
	ports := make(map[string][]string) // by what is done
	for _, r := range p.routes {
		what := p.mode(r)
		if ports[what] == nil {
			order = append(order, what)
		}
		ports[what] = append(ports[what], fmt.Sprint(r.Port))
	}
	for _, what := range order {
		lines = append(lines, fmt.Sprintf(what, p.list(ports[what])))
	}
	return lines
}

// mode has one verb, for the ports.
func (p plan) mode(r deliver.Route) string {
	matching := ""
	if r.Settings.Filter != nil {
		matching = "HTTP requests that match, of "
	}
	if r.Mode == wire.Mirror {
		answers := "; what the local side answers is dropped (--steal lets it answer)"
		if r.To == nil {
			answers = " (--steal lets the local side answer)"
		}
		return "mirroring " + matching + "%s: the pod still answers" + answers
	}
	who := "the local side"
	switch {
	case r.To == nil && p.format != "":
		who = "nobody"
	case r.To == nil:
		who = "standard input"
	}
	if matching != "" {
		return "stealing " + matching + "%s: " + who + " answers them, the pod all others"
	}
	return "stealing %s: " + who + " answers instead of the pod"
}

// list is "port 80 of deploy/web".
func (p plan) list(ports []string) string {
	whose := " of " + p.target
	if p.allPods {
		whose = " of all pods of " + p.target
	}
	if len(ports) == 1 {
		return "port " + ports[0] + whose
	}
	last := len(ports) - 1
	return "ports " + strings.Join(ports[:last], ", ") + " and " + ports[last] + whose
}
