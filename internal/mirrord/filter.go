package mirrord

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/pkg/wire"
)

// readFilter reads http_filter: one condition, and the ports that it is for.
func readFilter(path string, v any) (filter *wire.Filter, ports []uint16, err error) {
	if v == false {
		return nil, nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("%s: %v: want an object with a condition", path, v)
	}
	var has []string
	err = each(path, object, func(path, key string, v any) (err error) {
		if key == "ports" {
			ports, err = readPorts(path, v)
			return err
		}
		var f wire.Filter
		if f, err = readCondition(path, key, v); err == nil {
			filter, has = &f, append(has, key)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case len(has) == 0:
		return nil, nil, fmt.Errorf("%s has no condition", path)
	case len(has) > 1:
		return nil, nil, fmt.Errorf("%s has %s: want one of them; all_of and any_of combine several", path, strings.Join(has, " and "))
	}
	return filter, ports, nil
}

// readCondition reads one key of http_filter.
func readCondition(path, key string, v any) (wire.Filter, error) {
	switch key {
	case "header_filter":
		return readHeader(path, v)
	case "path_filter":
		return readPath(path, v)
	case "method_filter":
		return readMethod(path, v)
	case "all_of":
		all, err := readList(path, v)
		return wire.Filter{All: all}, err
	case "any_of":
		some, err := readList(path, v)
		return wire.Filter{Any: some}, err
	case "body_filter":
		return wire.Filter{}, fmt.Errorf("%s: %w", path, errBody)
	}
	return wire.Filter{}, fmt.Errorf("%s is not known", path)
}

var errBody = errors.New("bodies are not looked at")

// readList reads all_of and any_of: objects with one condition each.
func readList(path string, v any) ([]wire.Filter, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: want a list of conditions", path)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	var filters []wire.Filter
	for i, item := range list {
		path := fmt.Sprintf("%s[%d]", path, i)
		object, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: want an object with a condition", path)
		}
		n := len(filters)
		err := each(path, object, func(path, key string, v any) error {
			f, err := readItem(path, key, v)
			filters = append(filters, f)
			return err
		})
		if err == nil && len(filters) != n+1 {
			err = fmt.Errorf("%s has %d conditions instead of one", path, len(filters)-n)
		}
		if err != nil {
			return nil, err
		}
	}
	return filters, nil
}

func readItem(path, key string, v any) (wire.Filter, error) {
	switch key {
	case "header":
		return readHeader(path, v)
	case "path":
		return readPath(path, v)
	case "method":
		return readMethod(path, v)
	case "body", "query", "matches":
		return wire.Filter{}, fmt.Errorf("%s: %w", path, errBody)
	}
	return wire.Filter{}, fmt.Errorf("%s is not known", path)
}

// readHeader reads an expression for "name: value".
func readHeader(path string, v any) (wire.Filter, error) {
	if object, ok := v.(map[string]any); ok {
		if _, ok := object["query"]; ok {
			return wire.Filter{}, fmt.Errorf("%s.query: jq is not spoken here", path)
		}
	}
	s, err := readText(path, v)
	return checked(path, wire.Filter{HeaderLine: s}, err)
}

// readMethod reads one method or several, one of which is enough.
func readMethod(path string, v any) (wire.Filter, error) {
	list, ok := v.([]any)
	if !ok {
		s, err := readText(path, v)
		return checked(path, wire.Filter{Method: s}, err)
	}
	if len(list) == 0 {
		return wire.Filter{}, fmt.Errorf("%s is empty", path)
	}
	var methods []wire.Filter
	for i, item := range list {
		path := fmt.Sprintf("%s[%d]", path, i)
		s, err := readText(path, item)
		f, err := checked(path, wire.Filter{Method: s}, err)
		if err != nil {
			return wire.Filter{}, err
		}
		methods = append(methods, f)
	}
	return wire.Filter{Any: methods}, nil
}

func readText(path string, v any) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return "", fmt.Errorf("%s: %v is no text", path, v)
	case s == "":
		return "", fmt.Errorf("%s is empty", path)
	}
	return s, nil
}

// checked is f, if the agent will understand it.
func checked(path string, f wire.Filter, err error) (wire.Filter, error) {
	if err != nil {
		return wire.Filter{}, err
	}
	if _, err := httpfilter.Compile(&f); err != nil {
		return wire.Filter{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}
