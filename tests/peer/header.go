package main

import (
	"fmt"
	"net/http"
	"strings"
)

// header is a flag "name: value" that may be repeated.
type header http.Header

func (h header) String() string { return fmt.Sprint(http.Header(h)) }

// Set adds a field.
func (h header) Set(s string) error {
	name, value, found := strings.Cut(s, ":")
	if !found {
		return fmt.Errorf("%q is not name: value", s)
	}
	http.Header(h).Add(strings.TrimSpace(name), strings.TrimSpace(value))
	return nil
}
