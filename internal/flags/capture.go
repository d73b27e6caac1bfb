package flags

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/kube"
	"github.com/fwdtools/fwd/internal/mirrord"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Capture says how the pod's connections are captured; embed it in a grammar.
type Capture struct {
	Steal         bool   `group:"Capture" xor:"mode" help:"The local side answers instead of the pod."`
	Mirror        bool   `group:"Capture" xor:"mode" help:"The local side gets a copy of what callers send, and the pod answers. The default."`
	AllPods       bool   `group:"Capture" help:"On every replica of the target, as they come and go."`
	Fallback      string `group:"Capture" placeholder:"pod" help:"With --steal: what the local side does not take goes to the pod instead of being reset."`
	ResetExisting bool   `group:"Capture" help:"With --steal: reset the connections that the pod has already, so that they come again."`
	Forwarded     bool   `group:"Capture" help:"With --steal: add the caller's address to HTTP requests, as Forwarded and X-Forwarded-For."`
	ProxyProtocol bool   `group:"Capture" help:"Begin each connection to the local side with the caller's address, as PROXY protocol version 2."`
	Filter
	File string `short:"f" group:"Filter" placeholder:"FILE" help:"Mode, filter and ports as feature.network.incoming of this mirrord configuration has them."`
}

// Fill says of each route, which has a port and perhaps a destination, how it
// is captured. One without a destination gets the one that the file maps its
// port to, if it does. The warnings are of what may not be what was meant.
func (c Capture) Fill(target Target, routes []deliver.Route) (warnings []string, err error) {
	if err := c.check(target); err != nil {
		return nil, err
	}
	if c.File != "" {
		return c.fillFromFile(routes)
	}
	filter, err := c.Filter.Wire()
	if err != nil {
		return nil, err
	}
	for i := range routes {
		if err := c.fill(&routes[i], c.mode(), filter); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Privileges are what an agent needs to capture routes.
func Privileges(routes []deliver.Route) (p fwd.Privileges) {
	for _, r := range routes {
		p.Mirror = p.Mirror || r.Mode == wire.Mirror
		p.Steal = p.Steal || r.Mode == wire.Steal
	}
	return p
}

// Given is the name of a flag that was given, "" if none was.
func (c Capture) Given() string {
	switch {
	case c.Steal:
		return "--steal"
	case c.Mirror:
		return "--mirror"
	case c.AllPods:
		return "--all-pods"
	case c.File != "":
		return "-f"
	case c.ProxyProtocol:
		return "--proxy-protocol"
	case c.ofSteal() != "":
		return c.ofSteal()
	}
	return c.Filter.given()
}

func (c Capture) mode() wire.Mode {
	if c.Steal {
		return wire.Steal
	}
	return wire.Mirror
}

func (c Capture) check(target Target) error {
	// What is no target at all is an error of its own, later.
	t, err := kube.ParseTarget(target.Target)
	switch {
	case c.AllPods && err == nil && t.Kind.Name == kube.KindPod.Name:
		return fmt.Errorf("--all-pods needs a target that owns pods, such as -t deploy/web: %v is one pod", t)
	case c.Fallback != "" && c.Fallback != "pod":
		return fmt.Errorf("--fallback %q: want pod", c.Fallback)
	case c.File != "" && c.Filter.given() != "":
		return fmt.Errorf("want either -f or %s: the filter is in the file", c.Filter.given())
	}
	return nil
}

// ofSteal is the name of a flag that was given and that only a steal can
// honour.
func (c Capture) ofSteal() string {
	switch {
	case c.Fallback != "":
		return "--fallback"
	case c.ResetExisting:
		return "--reset-existing"
	case c.Forwarded:
		return "--forwarded"
	}
	return ""
}

// fill captures r in this way, where that makes sense.
func (c Capture) fill(r *deliver.Route, mode wire.Mode, filter *wire.Filter) error {
	if mode == wire.Mirror {
		if flag := c.ofSteal(); flag != "" {
			return errors.New(flag + " needs --steal: a mirror changes nothing in the pod")
		}
	}
	if c.ProxyProtocol {
		switch r.To.(type) {
		case deliver.TCP, deliver.Unix:
		default:
			return fmt.Errorf("--proxy-protocol needs a local address, such as %d:8080", r.Port)
		}
	}
	r.Mode, r.ProxyProtocol = mode, c.ProxyProtocol
	r.Settings = wire.Settings{Filter: filter, Fallback: c.Fallback != "", ResetExisting: c.ResetExisting, Forwarded: c.Forwarded}
	return nil
}

func (c Capture) fillFromFile(routes []deliver.Route) (warnings []string, err error) {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return nil, fmt.Errorf("-f: %w", err)
	}
	file, err := mirrord.Read(c.File, text)
	if err != nil {
		return nil, err
	}
	for i := range routes {
		r := &routes[i]
		as, err := file.For(r.Port)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.File, err)
		}
		if (c.Steal || c.Mirror) && as.Mode != c.mode() {
			return nil, fmt.Errorf("want either --%s or -f: %s says %s", c.mode(), c.File, as.Mode)
		}
		if r.To == nil && as.Local != r.Port {
			r.To = deliver.TCP(net.JoinHostPort("127.0.0.1", strconv.Itoa(int(as.Local))))
		}
		if err := c.fill(r, as.Mode, as.Filter); err != nil {
			return nil, err
		}
		if as.Unfiltered {
			done := map[wire.Mode]string{wire.Mirror: "mirrored", wire.Steal: "stolen"}[as.Mode]
			warnings = append(warnings, fmt.Sprintf("port %d is not among http_filter.ports: it is %s without a filter", r.Port, done))
		}
	}
	return warnings, nil
}
