// Package httpfilter decides by the head of an HTTP request whether a capture
// means it. It reads no connection and knows no version of HTTP.
package httpfilter

import (
	"fmt"
	"strings"

	"github.com/fwdtools/fwd/pkg/wire"
)

// Field is one line of a header.
type Field struct{ Name, Value string }

// Request is the head of a request.
type Request struct {
	Method string
	Path   string // path and query, as the request has them
	Fields []Field

	undecided bool // a pattern took too long
}

// Filter is conditions on a request. It is safe for concurrent use; nil is met
// by every request.
type Filter struct{ met condition }

// condition tells whether a request meets it.
type condition func(*Request) bool

// Compile makes a Filter of f, which must have been checked for its form. The
// error names the condition whose regular expression is none.
func Compile(f *wire.Filter) (*Filter, error) {
	met, err := compile(f)
	if err != nil {
		return nil, err
	}
	return &Filter{met}, nil
}

// Match tells whether r is meant. It is not safe for concurrent use of r.
func (f *Filter) Match(r *Request) bool { return f == nil || f.met(r) && !r.undecided }

func compile(f *wire.Filter) (condition, error) {
	switch {
	case f.All != nil:
		return list(f.All, false)
	case f.Any != nil:
		return list(f.Any, true)
	case f.Not != nil:
		met, err := compile(f.Not)
		return func(r *Request) bool { return !met(r) }, err
	case f.Header != nil:
		return header(f.Header)
	case f.HeaderLine != "":
		return headerLine(f.HeaderLine)
	case f.Path != "":
		return path(f.Path)
	case f.Method != "":
		return func(r *Request) bool { return strings.EqualFold(r.Method, f.Method) }, nil
	}
	return nil, fmt.Errorf("a filter without a condition")
}

// list is met if all of fs are or, with any, one is.
func list(fs []wire.Filter, any bool) (condition, error) {
	if len(fs) == 0 {
		return nil, fmt.Errorf("a filter is an empty list")
	}
	var parts []condition
	for i := range fs {
		met, err := compile(&fs[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, met)
	}
	return func(r *Request) bool {
		for _, met := range parts {
			if met(r) == any {
				return any
			}
		}
		return !any
	}, nil
}

func header(f *wire.HeaderFilter) (condition, error) {
	find, err := newPattern(f.Value)
	if err != nil {
		return nil, fmt.Errorf("header %s: %w", f.Name, err)
	}
	return func(r *Request) bool {
		for _, field := range r.Fields {
			if strings.EqualFold(field.Name, f.Name) && find(r, field.Value) {
				return true
			}
		}
		return false
	}, nil
}

func headerLine(expr string) (condition, error) {
	find, err := newPattern("(?i)" + expr)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return func(r *Request) bool {
		for _, field := range r.Fields {
			if find(r, field.Name+": "+field.Value) {
				return true
			}
		}
		return false
	}, nil
}

func path(expr string) (condition, error) {
	find, err := newPattern(expr)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	return func(r *Request) bool { return find(r, r.Path) }, nil
}
