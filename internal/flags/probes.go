package flags

import (
	"fmt"
	"sync"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/internal/deliver"
	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/pkg/fwd"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Probes says what captures mean to the pods' probes, and what can be done about
// it: of each once, however many pods have it.
type Probes struct {
	capture Capture
	log     zerolog.Logger

	mu   sync.Mutex
	said map[string]bool // guarded by mu
}

// Probes makes one for a command.
func (c Capture) Probes(log zerolog.Logger) *Probes {
	return &Probes{capture: c, log: log, said: make(map[string]bool)}
}

// Say is for a route whose capture is in place.
func (p *Probes) Say(at deliver.Place, r deliver.Route) {
	for _, probe := range at.Probes(r.Port) {
		warning := p.capture.probeWarning(r, probe)
		p.mu.Lock()
		if warning != "" && !p.said[warning] {
			p.said[warning] = true
			p.log.Warn().Msg(warning)
		}
		p.mu.Unlock()
	}
}

// probeWarning is "" if there is nothing to know.
func (c Capture) probeWarning(r deliver.Route, p fwd.Probe) string {
	comes := fmt.Sprintf("%v comes to port %d: ", p, r.Port)
	switch {
	case !captures(r.Settings.Filter, p):
		return ""
	case r.Mode == wire.Steal && p.Pattern != "":
		return comes + "the local side answers it" + c.remedy(p, "leaves it to the pod")
	case r.Mode == wire.Steal && p.Asks == "TCP":
		return comes + "the local side must accept it"
	case r.Mode == wire.Steal:
		return comes + "the local side must answer it"
	case onStdout(r.To):
		return comes + "its connections are among those that are mirrored" + c.remedy(p, "leaves them out")
	}
	return ""
}

// remedy is how a probe is kept out of what is captured, where one flag more
// can.
func (c Capture) remedy(p fwd.Probe, does string) string {
	if p.Pattern == "" || c.File != "" || c.Any {
		return ""
	}
	return fmt.Sprintf("; --not-http-path '%s' %s", p.Pattern, does)
}

// captures tells that a capture with this filter, nil or not, means a probe. One
// that asks no HTTP stays with the pod then.
func captures(f *wire.Filter, p fwd.Probe) bool {
	if f == nil {
		return true
	}
	filter, err := httpfilter.Compile(f)
	return err == nil && p.Request != nil && filter.Match(request(p.Request))
}

// request is what a filter sees of a probe.
func request(p *fwd.ProbeRequest) *httpfilter.Request {
	r := &httpfilter.Request{Method: p.Method, Path: p.Path}
	for name, values := range p.Header {
		for _, value := range values {
			r.Fields = append(r.Fields, httpfilter.Field{Name: name, Value: value})
		}
	}
	return r
}

// onStdout tells that connections go to people's eyes and not to a program that
// takes any number of them.
func onStdout(to deliver.Destination) bool {
	switch to.(type) {
	case deliver.TCP, deliver.Unix, deliver.Command:
		return false
	}
	return true
}
