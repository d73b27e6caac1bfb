// Package mirrord reads what a configuration file of mirrord (version 3.250)
// says about incoming traffic: its section feature.network.incoming, and
// nothing else of it.
//
// What the section asks for is done or is an error that names the key, so that
// nothing is captured because it was misread. It opens no file and no
// connection.
package mirrord

import (
	"fmt"
	"slices"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Config is the section of one file.
type Config struct {
	mode    wire.Mode         // "" when it is off
	filter  *wire.Filter      // nil when there is none
	only    []uint16          // ports that filter is for; nil means all
	ports   []uint16          // that may be captured; nil means all
	ignored []uint16          // that may not
	mapping map[uint16]uint16 // port of the pod to that of the local program
	actual  map[uint16]uint16 // port of the local program to the one that it really has
}

// Capture is how connections to one port of the pod are captured.
type Capture struct {
	Mode   wire.Mode
	Filter *wire.Filter // nil: all of them
	Local  uint16       // port of this machine that they go to if nothing else is said
	// Unfiltered tells that the file has a filter that is not for this port.
	Unfiltered bool
}

// For says how connections to port are captured; an error if the file does not
// want that.
func (c *Config) For(port uint16) (Capture, error) {
	filtered := c.filter != nil && (c.only == nil || slices.Contains(c.only, port))
	switch {
	case c.mode == "":
		return Capture{}, fmt.Errorf("%s is off: nothing is captured", section)
	case slices.Contains(c.ignored, port):
		return Capture{}, fmt.Errorf("%s.ignore_ports has %d: it is not captured", section, port)
	case c.ports != nil && !slices.Contains(c.ports, port) && !(filtered && c.only != nil):
		return Capture{}, fmt.Errorf("%s.ports has no %d: it is not captured", section, port)
	}
	to := Capture{Mode: c.mode, Local: port, Unfiltered: c.filter != nil && !filtered}
	if filtered {
		to.Filter = c.filter
	}
	if local, ok := c.mapping[port]; ok {
		to.Local = local
	}
	if actual, ok := c.actual[to.Local]; ok {
		to.Local = actual
	}
	return to, nil
}

// Read reads a file. Its name says what it is written in: .toml, .yaml or
// .yml, else JSON. Templates are filled from the environment as far as
// get_env goes; others are an error.
func Read(name string, data []byte) (*Config, error) {
	c, err := read(name, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func read(name string, data []byte) (*Config, error) {
	text, err := render(string(data))
	if err != nil {
		return nil, err
	}
	root, err := decode(name, text)
	if err != nil {
		return nil, err
	}
	incoming, err := find(root)
	if err != nil {
		return nil, err
	}
	return readIncoming(incoming)
}
