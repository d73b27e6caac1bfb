package mirrord

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/fwdtools/fwd/pkg/wire"
)

const section = "feature.network.incoming"

// find is the section of a file; the others are not looked at.
func find(root any) (any, error) {
	at, path := root, ""
	for _, key := range []string{"feature", "network", "incoming"} {
		object, ok := at.(map[string]any)
		if !ok && at != nil && path == "" {
			return nil, fmt.Errorf("it is no object")
		}
		at, path = object[key], join(path, key)
	}
	if at == nil {
		return nil, fmt.Errorf("it has no %s", section)
	}
	return at, nil
}

// readIncoming reads the section: its mode alone, or an object.
func readIncoming(v any) (*Config, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return &Config{mode: wire.Mirror}, nil
		}
		return &Config{}, nil
	case string:
		mode, err := readMode(section, v)
		return &Config{mode: mode}, err
	case map[string]any:
		c := &Config{mode: wire.Mirror}
		return c, each(section, v, c.key)
	}
	return nil, fmt.Errorf("%s: want mirror, steal, off or an object", section)
}

// each calls do for all keys of an object that have a value, in a fixed order.
func each(path string, object map[string]any, do func(path, key string, v any) error) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if object[key] == nil {
			continue
		}
		if err := do(join(path, key), key, object[key]); err != nil {
			return err
		}
	}
	return nil
}

// key reads one key of the section.
func (c *Config) key(path, key string, v any) (err error) {
	switch key {
	case "mode":
		c.mode, err = readMode(path, v)
	case "http_filter":
		c.filter, c.only, err = readFilter(path, v)
	case "ports":
		c.ports, err = readPorts(path, v)
	case "ignore_ports":
		c.ignored, err = readPorts(path, v)
	case "port_mapping":
		c.mapping, err = readPairs(path, v, 1)
	case "listen_ports":
		c.actual, err = readPairs(path, v, 0)
	case "ignore_localhost":
		err = only(path, v, false, "there is no local program whose bind address would be seen")
	case "on_concurrent_steal":
		err = only(path, v, "abort", "who holds a port keeps it")
	case "tls_delivery", "https_delivery":
		err = fmt.Errorf("%s: TLS is not taken off here", path)
	default:
		err = fmt.Errorf("%s is not known", path)
	}
	if err == nil && c.ports != nil && c.ignored != nil {
		err = fmt.Errorf("%s.ports and %[1]s.ignore_ports exclude each other", section)
	}
	return err
}

// only refuses all but one value.
func only(path string, v, may any, why string) error {
	if v != may {
		return fmt.Errorf("%s: %v: %s", path, v, why)
	}
	return nil
}

func readMode(path string, v any) (wire.Mode, error) {
	switch v {
	case "mirror":
		return wire.Mirror, nil
	case "steal":
		return wire.Steal, nil
	case "off":
		return "", nil
	}
	return "", fmt.Errorf("%s: %q is none of mirror, steal, off", path, fmt.Sprint(v))
}

// readPorts reads a list of ports that is not empty, or one port.
func readPorts(path string, v any) ([]uint16, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	var ports []uint16
	for i, item := range list {
		p, err := readPort(fmt.Sprintf("%s[%d]", path, i), item)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// readPairs reads a list of pairs of ports. The one at index from is the key.
func readPairs(path string, v any, from int) (map[uint16]uint16, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: want a list of pairs of ports", path)
	}
	pairs := make(map[uint16]uint16)
	for i, item := range list {
		path := fmt.Sprintf("%s[%d]", path, i)
		pair, ok := item.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("%s: want two ports", path)
		}
		ports, err := readPorts(path, pair)
		if err != nil {
			return nil, err
		}
		if _, twice := pairs[ports[from]]; twice {
			return nil, fmt.Errorf("%s: port %d is there twice", path, ports[from])
		}
		pairs[ports[from]] = ports[1-from]
	}
	return pairs, nil
}

// readPort takes the integers of JSON, YAML and TOML.
func readPort(path string, v any) (uint16, error) {
	switch v.(type) {
	case json.Number, int, int64, uint64:
		if p, err := strconv.ParseUint(fmt.Sprint(v), 10, 16); err == nil && p > 0 {
			return uint16(p), nil
		}
	}
	return 0, fmt.Errorf("%s: %v is no port", path, v)
}
