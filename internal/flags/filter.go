package flags

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fwdtools/fwd/internal/httpfilter"
	"github.com/fwdtools/fwd/pkg/wire"
)

// Filter says which HTTP requests are meant; embed it in a grammar.
type Filter struct {
	HTTPHeader    []string `name:"http-header" group:"Filter" sep:"none" placeholder:"NAME: REGEXP" help:"Only HTTP requests with such a header field; may be repeated: all must match."`
	HTTPPath      []string `name:"http-path" group:"Filter" sep:"none" placeholder:"REGEXP" help:"Only HTTP requests for such a path and query; may be repeated."`
	HTTPMethod    []string `name:"http-method" group:"Filter" sep:"none" placeholder:"METHOD" help:"Only HTTP requests of this method; may be repeated."`
	NotHTTPHeader []string `name:"not-http-header" group:"Filter" sep:"none" placeholder:"NAME: REGEXP" help:"Only those without such a header field; may be repeated."`
	NotHTTPPath   []string `name:"not-http-path" group:"Filter" sep:"none" placeholder:"REGEXP" help:"Only those for no such path and query; may be repeated."`
	NotHTTPMethod []string `name:"not-http-method" group:"Filter" sep:"none" placeholder:"METHOD" help:"Only those of another method; may be repeated."`
	Any           bool     `group:"Filter" help:"One of the conditions is enough."`
}

// condition is one flag that makes conditions.
type condition struct {
	flag string
	args []string
	read func(string) (wire.Filter, error)
	not  bool
}

func (f Filter) conditions() []condition {
	return []condition{
		{"--http-header", f.HTTPHeader, readHeader, false},
		{"--http-path", f.HTTPPath, readPath, false},
		{"--http-method", f.HTTPMethod, readMethod, false},
		{"--not-http-header", f.NotHTTPHeader, readHeader, true},
		{"--not-http-path", f.NotHTTPPath, readPath, true},
		{"--not-http-method", f.NotHTTPMethod, readMethod, true},
	}
}

// given is the name of a flag that was given, "" if none was.
func (f Filter) given() string {
	for _, c := range f.conditions() {
		if len(c.args) > 0 {
			return c.flag
		}
	}
	if f.Any {
		return "--any"
	}
	return ""
}

// Wire is the filter as agents know it; nil if none was given. One that could
// not do what it was meant to is an error that names its flag.
func (f Filter) Wire() (*wire.Filter, error) {
	var all []wire.Filter
	for _, c := range f.conditions() {
		for _, arg := range c.args {
			w, err := c.wire(arg)
			if err != nil {
				return nil, fmt.Errorf("%s %q: %w", c.flag, arg, err)
			}
			all = append(all, w)
		}
	}
	switch {
	case len(all) == 0 && f.Any:
		return nil, errors.New("--any needs conditions, such as --http-header")
	case len(all) == 0:
		return nil, nil
	case !f.Any && len(f.HTTPMethod) > 1:
		return nil, errors.New("--http-method: no request has two methods; with --any one of the conditions is enough")
	case len(all) == 1:
		return &all[0], nil
	case f.Any:
		return &wire.Filter{Any: all}, nil
	}
	return &wire.Filter{All: all}, nil
}

func (c condition) wire(arg string) (wire.Filter, error) {
	w, err := c.read(arg)
	if err == nil {
		_, err = httpfilter.Compile(&w)
	}
	if c.not {
		return wire.Filter{Not: &w}, err
	}
	return w, err
}

func readHeader(arg string) (wire.Filter, error) {
	name, value, found := strings.Cut(arg, ":")
	value = strings.TrimLeft(value, " ")
	switch {
	case !found:
		return wire.Filter{}, errors.New("want NAME: REGEXP")
	case !isToken(name):
		return wire.Filter{}, fmt.Errorf("%q is no name of a header field", name)
	case value == "":
		return wire.Filter{}, errors.New("the regular expression is empty; . stands for any value")
	}
	return wire.Filter{Header: &wire.HeaderFilter{Name: name, Value: value}}, nil
}

func readPath(arg string) (wire.Filter, error) {
	if arg == "" {
		return wire.Filter{}, errors.New("the regular expression is empty")
	}
	return wire.Filter{Path: arg}, nil
}

func readMethod(arg string) (wire.Filter, error) {
	if !isToken(arg) {
		return wire.Filter{}, errors.New("is no HTTP method")
	}
	return wire.Filter{Method: arg}, nil
}

// isToken tells that s is a token of RFC 9110, 5.6.2.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
